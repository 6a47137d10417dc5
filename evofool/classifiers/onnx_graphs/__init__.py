"""ONNX graphs as pure JAX functions: read, folded, cut before the last softmax, interpreted.

A graph is computed for one image, with constant shapes, and `jax.vmap` makes the batch: a file
whose batch is fixed at 1 then takes any number of images, and all that is computed from shapes is
known before compiling. Values that the file has channels first are kept channels last
(`values.Maps`), in which convolutions are fast.
"""
