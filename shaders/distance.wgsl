// Exact squared distance from each cell to the nearest occupied one: `pack`
// makes bits of columns, `measure` distances along columns, `spread` the least
// over the cells of each row.

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
// For each 32 rows, a word for each column: a bit for each occupied cell.
@group(0) @binding(2) var<storage, read_write> columns: array<u32>;
// For each 32 rows, a bit for each that has any occupied cell.
@group(0) @binding(3) var<storage, read_write> rows: array<atomic<u32>>;
// Squared distances along columns.
@group(0) @binding(4) var<storage, read_write> squares: array<u32>;
// The least of each row.
@group(0) @binding(5) var<storage, read_write> least: array<u32>;
// The same as `squares`, and the squared distances, four cells at a time.
@group(0) @binding(6) var<storage, read> fours: array<vec4<u32>>;
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
    columns[2u * id.x] = bits.x;
    columns[2u * id.x + 1u] = bits.y;
    if (bits.x | bits.y) != 0u {
        atomicOr(&rows[band], bits.x | bits.y);
    }
}

// A column's bits in some 32 rows; the last column is that of `rows`.
fn bits_of(column: u32, band: u32) -> u32 {
    if column == params.side {
        return atomicLoad(&rows[band]);
    }
    return columns[band * params.side + column];
}

@compute @workgroup_size(64)
fn measure(@builtin(global_invocation_id) id: vec3<u32>) {
    let bands = (params.side + 31u) / 32u;
    let stride = params.side + 64u;
    let band = id.x / stride;
    let column = id.x % stride;
    if column > params.side || band >= bands {
        return;
    }
    // From the first row up and from the last one down to the nearest bit.
    var up = FAR;
    for (var i = 1u; i <= band; i += 1u) {
        let bits = bits_of(column, band - i);
        if bits != 0u {
            up = 32u * i - firstLeadingBit(bits);
            break;
        }
    }
    var down = FAR;
    for (var i = 1u; i < bands - band; i += 1u) {
        let bits = bits_of(column, band + i);
        if bits != 0u {
            down = 32u * (i - 1u) + firstTrailingBit(bits) + 1u;
            break;
        }
    }
    let bits = bits_of(column, band);
    for (var i = 0u; i < min(32u, params.side); i += 1u) {
        let above = bits & (NONE >> (31u - i));
        let below = bits >> i;
        let distance = min(
            select(i - firstLeadingBit(above), up + i, above == 0u),
            select(firstTrailingBit(below), down + 31u - i, below == 0u),
        );
        let row = 32u * band + i;
        if column == params.side {
            least[row] = distance * distance;
        } else {
            squares[row * params.side + column] = distance * distance;
        }
    }
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
    let own = fours[id.x];
    let back = -vec4<i32>(0, 1, 2, 3);
    var best = lesser(own, own, back);
    let furthest = max(column, groups - 1 - column);
    for (var i = 1; i <= furthest; i += 1) {
        let gap = u32(4 * i - 3);
        if all(best <= vec4<u32>(gap * gap + floor)) {
            break;
        }
        if i <= column {
            best = lesser(best, fours[id.x - u32(i)], back - 4 * i);
        }
        if column + i < groups {
            best = lesser(best, fours[id.x + u32(i)], back + 4 * i);
        }
    }
    distances[id.x] = best;
}
