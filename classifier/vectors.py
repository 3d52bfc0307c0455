"""Products of a sparse row and some columns of a dense matrix, in vector registers.

numba adds such products up in memory, an addition waiting for the one before: these take a third of the time. A vector
of 16 float32 is a line of memory; processors with shorter registers use several.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["WIDTH", "add_products", "move_rows"]

WIDTH = 16
"""Columns at a time."""


@intrinsic
def add_products(
    typingctx: Any,
    indices: Any,
    values: Any,
    begin: Any,
    end: Any,
    matrix: Any,
    first: Any,
    sums: Any,
) -> Any:
    """Add ``values[i] * matrix[indices[i], first:first + WIDTH]`` to ``sums[:WIDTH]`` for i from `begin` to `end`.

    The matrix, float32 or int8, must have these columns.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, out = _array(context, builder, signature, args, 6)
        out = builder.bitcast(out, _vector().as_pointer())
        total = cgutils.alloca_once_value(builder, builder.load(out, align=4))

        def add(value: Any, row: Any) -> None:
            product = builder.fmul(value, _load(builder, signature.args[4], row), flags=["fast"])
            builder.store(builder.fadd(builder.load(total), product, flags=["fast"]), total)

        nothing = _each_row(context, builder, signature, args, add)
        builder.store(builder.load(total), out, align=4)
        return nothing

    return types.void(indices, values, types.int64, types.int64, matrix, types.int64, sums), codegen


@intrinsic
def move_rows(
    typingctx: Any,
    indices: Any,
    values: Any,
    begin: Any,
    end: Any,
    matrix: Any,
    first: Any,
    steps: Any,
) -> Any:
    """Add ``values[i] * steps[:WIDTH]`` to ``matrix[indices[i], first:first + WIDTH]``, float32, likewise."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, steps = _array(context, builder, signature, args, 6)
        step = builder.load(builder.bitcast(steps, _vector().as_pointer()), align=4)

        def move(value: Any, row: Any) -> None:
            moved = builder.fadd(builder.load(row, align=4), builder.fmul(value, step, flags=["fast"]), flags=["fast"])
            builder.store(moved, row, align=4)

        return _each_row(context, builder, signature, args, move)

    return types.void(indices, values, types.int64, types.int64, matrix, types.int64, steps), codegen


def _each_row(context: Any, builder: Any, signature: Any, args: Any, body: Any) -> Any:
    """Loop over the values: call ``body(value as a vector, pointer to the columns of its row)``."""
    begin, end, first = args[2], args[3], args[5]
    _, indices = _array(context, builder, signature, args, 0)
    _, values = _array(context, builder, signature, args, 1)
    shape, matrix = _array(context, builder, signature, args, 4)
    item = context.get_data_type(signature.args[4].dtype)
    with cgutils.for_range_slice(builder, begin, end, begin.type(1), intp=begin.type) as (i, _):
        row = builder.zext(builder.load(builder.gep(indices, [i])), begin.type)
        place = builder.gep(matrix, [builder.add(builder.mul(row, shape[1]), first)])
        body(_fill(builder, builder.load(builder.gep(values, [i]))), builder.bitcast(place, _vector(item).as_pointer()))
    return context.get_dummy_value()


def _array(context: Any, builder: Any, signature: Any, args: Any, i: int) -> tuple[Any, Any]:
    """Return shape and first item of a C-contiguous argument."""
    array = context.make_array(signature.args[i])(context, builder, args[i])
    return cgutils.unpack_tuple(builder, array.shape), array.data


def _vector(item: Any = None) -> Any:
    return ir.VectorType(item or ir.FloatType(), WIDTH)


def _load(builder: Any, kind: Any, pointer: Any) -> Any:
    loaded = builder.load(pointer, align=kind.dtype.bitwidth // 8)
    return loaded if kind.dtype == types.float32 else builder.sitofp(loaded, _vector())


def _fill(builder: Any, x: Any) -> Any:
    """Return a vector of `x` alone."""
    empty = ir.Constant(_vector(), ir.Undefined)
    one = builder.insert_element(empty, x, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, empty, ir.Constant(_vector(ir.IntType(32)), [0] * WIDTH))
