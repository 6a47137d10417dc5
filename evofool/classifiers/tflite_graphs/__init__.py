"""TensorFlow Lite files as graphs of ONNX's operators, which `onnx_graphs` computes in JAX."""
