"""Products of matrices, and attention."""

import jax
import jax.numpy as jnp

from evofool.classifiers.onnx_graphs.calls import Call, Table, UnsupportedError, operator

TABLE: Table = {}


@operator(TABLE, "MatMul")
def _matrix_product(call: Call, x, y):
    return call.xp.matmul(x, y)


@operator(TABLE, "com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul")
def _fused_product(call: Call, x, y):
    x = jnp.swapaxes(x, -1, -2) if call.get("transA", 0) else x
    y = jnp.swapaxes(y, -1, -2) if call.get("transB", 0) else y
    return call.get("alpha", 1.0) * jnp.matmul(x, y)


@operator(TABLE, "Gemm")
def _affine(call: Call, x, y, bias=None):
    x = x.T if call.get("transA", 0) else x
    y = y.T if call.get("transB", 0) else y
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    product = x @ y if alpha == 1.0 else alpha * (x @ y)
    if bias is None:
        return product
    return product + (bias if beta == 1.0 else beta * bias)


@operator(TABLE, "Einsum")
def _einsum(call: Call, *inputs):
    return jnp.einsum(call.get("equation").replace(" ", ""), *inputs)


@operator(TABLE, "Attention")
def _attention(call: Call, query, key, value, mask=None, *past):
    """Scaled dot-product attention of version 23, without a cache of keys."""
    is_windowed = any("window" in name for name in call.node.attributes)
    if is_windowed or any(part is not None for part in past) or len(call.node.outputs) > 1:
        raise UnsupportedError("Attention with a cache or a window")
    is_flat, heads = query.ndim == 3, call.get("q_num_heads", 1)
    if is_flat:
        query = _heads(query, heads)
        key, value = (_heads(part, call.get("kv_num_heads", heads)) for part in (key, value))
    repeats = query.shape[1] // key.shape[1]
    key, value = (jnp.repeat(part, repeats, axis=1) for part in (key, value))
    scale = call.get("scale") or query.shape[-1] ** -0.5
    scores = scale * jnp.einsum("bhqd,bhkd->bhqk", query, key)
    if softcap := call.get("softcap", 0.0):
        scores = softcap * jnp.tanh(scores / softcap)
    if call.get("is_causal", 0):
        scores = jnp.where(jnp.tri(*scores.shape[-2:], dtype=bool), scores, -jnp.inf)
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf) if mask.dtype == bool else scores + mask
    shares = jnp.nan_to_num(jax.nn.softmax(scores, axis=-1))  # of what may see nothing: none
    result = jnp.einsum("bhqk,bhkd->bhqd", shares, value)
    if not is_flat:
        return result
    batch, heads, count, size = result.shape
    return result.transpose(0, 2, 1, 3).reshape(batch, count, heads * size)


def _heads(x, heads: int):
    batch, count, width = x.shape
    return x.reshape(batch, count, heads, width // heads).transpose(0, 2, 1, 3)
