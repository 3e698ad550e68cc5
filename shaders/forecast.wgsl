// Where objects may be at each time step: `list` tells each tile of 16 × 16
// cells of each layer which boxes may touch it, `fill` gives each cell the
// greatest weight of those that do.

struct Params {
    window: Window,
    layers: u32,
    footprints: u32,
}

// An object at a time.
struct Footprint {
    // In odom, mm.
    centre: vec2<i32>,
    // Cosine and sine of the direction of its length, Q2.14.
    heading: vec2<i32>,
    // Half its length and width, and how much farther it may reach, mm.
    half: vec2<i32>,
    margin: vec2<i32>,
    layer: u32,
    // Of its cells, and of those that only its margin touches.
    weight: u32,
    margin_weight: u32,
    pad: u32,
}

// What `fill` asks of a footprint.
struct Bounds {
    // What twice the offset of the centre of the cell (0, 0) from that of the
    // box is, mm; the heading, two halves of a word; both weights.
    offset: vec2<i32>,
    heading: u32,
    weights: u32,
    // Columns and rows that the box with its margin may touch, and the box
    // alone; the first in the lower half of a word, one after the last in the
    // upper.
    extent: vec4<u32>,
    // How far a cell's centre may be from the middle along the length and the
    // width, with the margin and without, twice as many mm in Q.14.
    reach: vec4<i32>,
}

// Boxes that a tile can have.
const CAPACITY = 128u;
// A heading's one, and the largest half length or width with its margin, mm.
const ONE = 16384;
const LARGEST = 25000;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> footprints: array<Footprint>;
@group(0) @binding(2) var<storage, read_write> bounds: array<Bounds>;
// How many boxes each tile has, and which.
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> lists: array<u32>;
// How many boxes are none, and how often a tile had no room for one.
@group(0) @binding(5) var<storage, read_write> status: array<atomic<u32>, 2>;
// The same as `bounds` and `counts`.
@group(0) @binding(6) var<storage, read> listed: array<Bounds>;
@group(0) @binding(7) var<storage, read> lengths: array<u32>;
@group(0) @binding(8) var<storage, read> entries: array<u32>;
// Weights, a byte for each cell, 16 cells of a row at a time.
@group(0) @binding(9) var<storage, read_write> layers: array<vec4<u32>>;

fn is_valid(b: Footprint) -> bool {
    let turn = abs(b.heading);
    if any(turn > vec2<i32>(ONE)) || any(turn < vec2<i32>(0)) {
        return false;
    }
    let square = turn.x * turn.x + turn.y * turn.y;
    let sides = vec4<i32>(b.half, b.margin);
    return abs(square - ONE * ONE) <= 2 * ONE
        && all(sides >= vec4<i32>(0)) && all(sides <= vec4<i32>(LARGEST))
        && all(b.half + b.margin <= vec2<i32>(LARGEST))
        && b.layer < params.layers && max(b.weight, b.margin_weight) < 256u;
}

// How far a box reaches along x and y, rounded up.
fn extent(turn: vec2<i32>, half: vec2<i32>) -> vec2<i32> {
    let rounding = (half.x + half.y + 1) / 2 + ONE - 1;
    return vec2<i32>(
        (turn.x * half.x + turn.y * half.y + rounding) >> 14u,
        (turn.y * half.x + turn.x * half.y + rounding) >> 14u,
    );
}

// How far a cell's centre may be from the middle of a box along its length and
// its width, twice as many mm in Q.14, with what rounding a heading may take.
fn reach(turn: vec2<i32>, half: vec2<i32>, extent: vec2<i32>) -> vec2<i32> {
    let cell = params.window.cell_mm;
    let rounding = extent.x + extent.y + 2 * cell + 2;
    return 2 * ONE * half + (turn.x + turn.y) * cell + rounding;
}

// The cells between two places along an axis, which may lie anywhere, as those
// of the window: the first, and one after the last.
fn cells(first: i32, last: i32) -> vec2<u32> {
    let cell = params.window.cell_mm;
    let side = i32(params.window.side);
    return vec2<u32>(vec2<i32>(
        clamp(floor_div(first - 1, cell), 0, side),
        clamp(floor_div(last, cell) + 1, 0, side),
    ));
}

@compute @workgroup_size(64)
fn list(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.footprints {
        return;
    }
    let b = footprints[id.x];
    if !is_valid(b) {
        atomicAdd(&status[0], 1u);
        return;
    }
    let cell = params.window.cell_mm;
    let side = params.window.side;
    let place = b.centre - params.window.origin * cell;
    // What is so far off touches nothing, and its sums could overflow.
    let far = i32(side) * cell + 2 * LARGEST;
    if any(place < vec2<i32>(-2 * LARGEST)) || any(place > vec2<i32>(far)) {
        return;
    }
    let turn = abs(b.heading);
    let outer = extent(turn, b.half + b.margin);
    let inner = extent(turn, b.half);
    let columns = cells(place.x - outer.x, place.x + outer.x);
    let rows = cells(place.y - outer.y, place.y + outer.y);
    let inner_columns = cells(place.x - inner.x, place.x + inner.x);
    let inner_rows = cells(place.y - inner.y, place.y + inner.y);
    bounds[id.x] = Bounds(
        vec2<i32>(cell) - 2 * place,
        (u32(b.heading.x) & 0xffffu) | (u32(b.heading.y) << 16u),
        b.weight | (b.margin_weight << 16u),
        vec4<u32>(columns.x, rows.x, inner_columns.x, inner_rows.x)
            | (vec4<u32>(columns.y, rows.y, inner_columns.y, inner_rows.y) << vec4<u32>(16u)),
        vec4<i32>(reach(turn, b.half + b.margin, outer), reach(turn, b.half, inner)),
    );
    if columns.x >= columns.y || rows.x >= rows.y {
        return;
    }
    let tiles = side / 16u;
    for (var row = rows.x / 16u; row <= (rows.y - 1u) / 16u; row += 1u) {
        for (var column = columns.x / 16u; column <= (columns.y - 1u) / 16u; column += 1u) {
            let tile = (b.layer * tiles + row) * tiles + column;
            let slot = atomicAdd(&counts[tile], 1u);
            if slot < CAPACITY {
                lists[tile * CAPACITY + slot] = id.x;
            } else {
                atomicAdd(&status[1], 1u);
            }
        }
    }
}

// Which of four columns, or rows, are from the lower to before the upper half
// of a word.
fn within(at: vec4<u32>, range: u32) -> vec4<bool> {
    let first = vec4<u32>(range & 0xffffu);
    let end = vec4<u32>(range >> 16u);
    return (at >= first) & (at < end);
}

@compute @workgroup_size(64)
fn fill(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = params.window.side;
    let tiles = side / 16u;
    let shift = countTrailingZeros(tiles);
    let row_of_all = id.x >> shift;
    let row = row_of_all & (side - 1u);
    let layer = row_of_all >> countTrailingZeros(side);
    if layer >= params.layers {
        return;
    }
    let column = id.x & (tiles - 1u);
    let tile = (layer * tiles + row / 16u) * tiles + column;
    var cells = vec4<u32>(0u);
    for (var i = 0u; i < min(lengths[tile], CAPACITY); i += 1u) {
        let b = listed[entries[tile * CAPACITY + i]];
        if !within(vec4<u32>(row), b.extent.y).x {
            continue;
        }
        let inner_row = within(vec4<u32>(row), b.extent.w);
        let heading = vec2<i32>(i32(b.heading << 16u) >> 16u, i32(b.heading) >> 16u);
        let step = 2 * params.window.cell_mm;
        let y = b.offset.y + i32(row) * step;
        for (var k = 0u; k < 4u; k += 1u) {
            // Every fourth cell, so that a word's bytes are in four vectors.
            let at = vec4<u32>(16u * column + k) + vec4<u32>(0u, 4u, 8u, 12u);
            let x = vec4<i32>(b.offset.x) + vec4<i32>(at) * step;
            let along = abs(heading.x * x + heading.y * y);
            let across = abs(heading.x * y - heading.y * x);
            let outer = within(at, b.extent.x)
                & (along <= vec4<i32>(b.reach.x)) & (across <= vec4<i32>(b.reach.y));
            let inner = inner_row & within(at, b.extent.z)
                & (along <= vec4<i32>(b.reach.z)) & (across <= vec4<i32>(b.reach.w));
            let weight = max(
                select(vec4<u32>(0u), vec4<u32>(b.weights >> 16u), outer),
                select(vec4<u32>(0u), vec4<u32>(b.weights & 0xffffu), inner),
            );
            let byte = vec4<u32>(255u << (8u * k));
            cells = max(cells & byte, weight << vec4<u32>(8u * k)) | (cells & ~byte);
        }
    }
    layers[id.x] = cells;
}
