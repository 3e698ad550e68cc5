// Exact squared distance from each cell to the nearest occupied one: `pack`
// makes bits of columns, `measure` distances along columns, `floors` the least
// of each row's, `spread` the least over the cells of each row.

struct Params {
    // Cells along a side, a power of two and a multiple of 16.
    side: u32,
}

// A distance along a column without an occupied cell, more than any other,
// and the least square of one.
const FAR = 16384u;
const FAR_SQUARED = FAR * FAR;

const NONE = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
// Log-odds, two cells a word.
@group(0) @binding(1) var<storage, read> grid: array<u32>;
// For each 32 rows, a word for each column: a bit for each occupied cell. Two
// columns at a time, as all that follows.
@group(0) @binding(2) var<storage, read_write> columns: array<vec2<u32>>;
// For each 32 rows, a bit for each that has any occupied cell.
@group(0) @binding(3) var<storage, read_write> rows: array<atomic<u32>>;
// Distances along columns, 16 bits each.
@group(0) @binding(4) var<storage, read_write> halves: array<u32>;
// The square of the least of each row.
@group(0) @binding(5) var<storage, read_write> least: array<u32>;
// The same as `halves`, and the squared distances, four cells at a time.
@group(0) @binding(6) var<storage, read> fours: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read_write> distances: array<vec4<u32>>;

fn is_occupied(word: u32) -> vec2<u32> {
    return vec2<u32>(
        select(0u, 1u, i32(word << 16u) > 0xffff),
        select(0u, 1u, i32(word) > 0xffff),
    );
}

@compute @workgroup_size(64)
fn pack(@builtin(global_invocation_id) id: vec3<u32>) {
    let words = params.side / 2u;
    let band = id.x >> countTrailingZeros(words);
    let first = band * 32u;
    if first >= params.side {
        return;
    }
    let word = id.x & (words - 1u);
    var bits = vec2<u32>(0u);
    for (var i = 0u; i < min(32u, params.side); i += 1u) {
        bits |= is_occupied(grid[(first + i) * words + word]) << vec2<u32>(i);
    }
    columns[id.x] = bits;
    if (bits.x | bits.y) != 0u {
        atomicOr(&rows[band], bits.x | bits.y);
    }
}

// How far the nearest row with a bit is, for row `i` of the 32 of `bits`: among
// these, or `up` rows up from the first of them or `down` rows down from the
// last.
fn nearest(bits: vec2<u32>, i: u32, up: vec2<u32>, down: vec2<u32>) -> vec2<u32> {
    let above = bits & vec2<u32>(NONE >> (31u - i));
    let below = bits >> vec2<u32>(i);
    return min(
        select(i - firstLeadingBit(above), up + i, above == vec2<u32>(0u)),
        select(firstTrailingBit(below), down + 31u - i, below == vec2<u32>(0u)),
    );
}

@compute @workgroup_size(64)
fn measure(@builtin(global_invocation_id) id: vec3<u32>) {
    let words = params.side / 2u;
    let bands = (params.side + 31u) / 32u;
    let band = id.x >> countTrailingZeros(words);
    if band >= bands {
        return;
    }
    let word = id.x & (words - 1u);
    let far = vec2<u32>(FAR);
    let none = vec2<u32>(0u);
    var up = far;
    for (var i = 1u; i <= band && any(up == far); i += 1u) {
        let bits = columns[id.x - i * words];
        up = select(up, 32u * i - firstLeadingBit(bits), up == far & bits != none);
    }
    var down = far;
    for (var i = 1u; i < bands - band && any(down == far); i += 1u) {
        let bits = columns[id.x + i * words];
        down = select(down, 32u * i - 31u + firstTrailingBit(bits), down == far & bits != none);
    }
    let bits = columns[id.x];
    for (var i = 0u; i < min(32u, params.side); i += 1u) {
        let distance = nearest(bits, i, up, down);
        halves[(32u * band + i) * words + word] = distance.x | (distance.y << 16u);
    }
}

@compute @workgroup_size(64)
fn floors(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.side {
        return;
    }
    let bands = (params.side + 31u) / 32u;
    let band = id.x / 32u;
    var up = FAR;
    for (var i = 1u; i <= band && up == FAR; i += 1u) {
        let bits = atomicLoad(&rows[band - i]);
        up = select(32u * i - firstLeadingBit(bits), FAR, bits == 0u);
    }
    var down = FAR;
    for (var i = 1u; i < bands - band && down == FAR; i += 1u) {
        let bits = atomicLoad(&rows[band + i]);
        down = select(32u * i - 31u + firstTrailingBit(bits), FAR, bits == 0u);
    }
    let bits = vec2<u32>(atomicLoad(&rows[band]));
    let distance = nearest(bits, id.x & 31u, vec2<u32>(up), vec2<u32>(down)).x;
    least[id.x] = distance * distance;
}

// The squares of four cells' distances along their columns.
fn squares(group: u32) -> vec4<u32> {
    let pairs = fours[group];
    let distances = vec4<u32>(pairs.xx, pairs.yy) >> vec4<u32>(0u, 16u, 0u, 16u);
    let lower = distances & vec4<u32>(0xffffu);
    return lower * lower;
}

// Four cells' least of what they have and what four others give them, the
// first of which is so many columns off.
fn lesser(best: vec4<u32>, others: vec4<u32>, off: vec4<i32>) -> vec4<u32> {
    let a = vec4<u32>(off * off);
    let b = vec4<u32>((off + 1) * (off + 1));
    let c = vec4<u32>((off + 2) * (off + 2));
    let d = vec4<u32>((off + 3) * (off + 3));
    return min(
        min(min(best, others.x + a), min(others.y + b, others.z + c)),
        others.w + d,
    );
}

@compute @workgroup_size(256)
fn spread(@builtin(global_invocation_id) id: vec3<u32>) {
    let groups = i32(params.side / 4u);
    let row = id.x >> countTrailingZeros(params.side / 4u);
    if row >= params.side {
        return;
    }
    let column = i32(id.x) & (groups - 1);
    let floor = least[row];
    if floor >= FAR_SQUARED {
        distances[id.x] = vec4<u32>(NONE);
        return;
    }
    let own = squares(id.x);
    let back = -vec4<i32>(0, 1, 2, 3);
    var best = lesser(own, own, back);
    let furthest = max(column, groups - 1 - column);
    for (var i = 1; i <= furthest; i += 1) {
        let gap = u32(4 * i - 3);
        if all(best <= vec4<u32>(gap * gap + floor)) {
            break;
        }
        if i <= column {
            best = lesser(best, squares(id.x - u32(i)), back - 4 * i);
        }
        if column + i < groups {
            best = lesser(best, squares(id.x + u32(i)), back + 4 * i);
        }
    }
    distances[id.x] = best;
}
