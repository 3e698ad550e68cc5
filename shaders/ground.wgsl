// Heights of the ground, by a morphological opening of the lowest returns, and
// of the returns over it. Needs common/window.wgsl.

struct Params {
    window: Window,
    // base_link in odom, mm; w unused.
    base: vec4<i32>,
    // How the vehicle's ground plane rises along x and y of odom, in 1/1024.
    rise: vec2<i32>,
    points: u32,
    // A coarse cell has 2^shift cells of the window along a side.
    shift: u32,
    // Half of the side of the square that the vehicle stands on, mm.
    stance: i32,
    // Ground is no higher or lower than this at the vehicle, mm, and by so
    // much more a length, in 1/1024.
    slack: i32,
    slope: i32,
    // The greatest step that is ground, mm.
    step: i32,
    // The most that a neighbour counts in smoothing, mm.
    smoothing: i32,
}

// Cells along the structuring element.
const ELEMENT = 16;
// A cell so much lower than all around it is an outlier, mm.
const PIT = 300;
// The most by which coarse cells side by side differ in interpolation, mm.
const STEEPEST = 65536;
const UNSEEN = 0x7fffffff;
const NONE = -0x7fffffff - 1;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fused: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
// UNSEEN minus the lowest return of each coarse cell; zero if there is none.
@group(0) @binding(3) var<storage, read_write> lowest: array<atomic<u32>>;
// Coarse cells in the course of the opening.
@group(0) @binding(4) var<storage, read_write> even: array<i32>;
@group(0) @binding(5) var<storage, read_write> odd: array<i32>;
@group(0) @binding(6) var<storage, read_write> ground: array<i32>;
@group(0) @binding(7) var<storage, read_write> heights: array<i32>;

fn coarse_side() -> u32 {
    return params.window.side >> params.shift;
}

// The lowest return of each coarse cell that ground can have.
@compute @workgroup_size(256)
fn gather(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.points {
        return;
    }
    let cell = cells[id.x];
    let p = fused[id.x].xyz;
    let d = abs(p - params.base.xyz);
    let reach = params.slack + ((max(d.x, d.y) * params.slope) >> 10u);
    if cell == NOWHERE || d.z > reach {
        return;
    }
    let side = params.window.side;
    let row = (cell / side) >> params.shift;
    let column = (cell & (side - 1u)) >> params.shift;
    let index = row * coarse_side() + column;
    let depth = u32(UNSEEN) - u32(p.z);
    // Most returns are not the lowest, and reading is cheap.
    if atomicLoad(&lowest[index]) < depth {
        atomicMax(&lowest[index], depth);
    }
}

// The lowest return of a coarse cell; the ground plane where the vehicle
// stands and sees none.
fn seen(column: i32, row: i32) -> i32 {
    let side = i32(coarse_side());
    let z = i32(u32(UNSEEN) - atomicLoad(&lowest[row * side + column]));
    let cell = params.window.cell_mm << params.shift;
    let corner = params.window.origin * params.window.cell_mm;
    let d = corner + vec2<i32>(column, row) * cell + vec2<i32>(cell >> 1u) - params.base.xy;
    if all(abs(d) <= vec2<i32>(params.stance)) {
        let plane = params.base.z + ((d.x * params.rise.x + d.y * params.rise.y) >> 10u);
        return select(z, plane, z > plane + params.step);
    }
    return z;
}

// One invocation erodes or dilates ELEMENT cells of a line, from the running
// minima or maxima of two blocks of cells. Lines go along x or along y.

@compute @workgroup_size(64)
fn erode_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = i32(coarse_side());
    let blocks = (side + ELEMENT - 1) / ELEMENT;
    if i32(id.x) >= blocks * side {
        return;
    }
    let row = i32(id.x) / blocks;
    let begin = (i32(id.x) % blocks) * ELEMENT;
    var least: array<i32, 16>;
    var running = UNSEEN;
    for (var k = ELEMENT - 1; k >= 0; k -= 1) {
        if begin + k < side {
            running = min(running, seen(begin + k, row));
        }
        least[k] = running;
    }
    running = UNSEEN;
    for (var k = 0; k < ELEMENT; k += 1) {
        if begin + k < side {
            even[row * side + begin + k] = min(least[k], running);
        }
        if begin + ELEMENT + k < side {
            running = min(running, seen(begin + ELEMENT + k, row));
        }
    }
}

@compute @workgroup_size(64)
fn erode_columns(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = i32(coarse_side());
    let blocks = (side + ELEMENT - 1) / ELEMENT;
    if i32(id.x) >= blocks * side {
        return;
    }
    let column = i32(id.x) % side;
    let begin = (i32(id.x) / side) * ELEMENT;
    var least: array<i32, 16>;
    var running = UNSEEN;
    for (var k = ELEMENT - 1; k >= 0; k -= 1) {
        if begin + k < side {
            running = min(running, even[(begin + k) * side + column]);
        }
        least[k] = running;
    }
    running = UNSEEN;
    for (var k = 0; k < ELEMENT; k += 1) {
        if begin + k < side {
            // From here on the greatest counts.
            let eroded = min(least[k], running);
            odd[(begin + k) * side + column] = select(eroded, NONE, eroded == UNSEEN);
        }
        if begin + ELEMENT + k < side {
            running = min(running, even[(begin + ELEMENT + k) * side + column]);
        }
    }
}

@compute @workgroup_size(64)
fn dilate_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = i32(coarse_side());
    let blocks = (side + ELEMENT - 1) / ELEMENT;
    if i32(id.x) >= blocks * side {
        return;
    }
    let row = i32(id.x) / blocks;
    let begin = (i32(id.x) % blocks) * ELEMENT;
    var most: array<i32, 16>;
    var running = NONE;
    for (var k = 0; k < ELEMENT; k += 1) {
        if begin + k < side {
            running = max(running, odd[row * side + begin + k]);
        }
        most[k] = running;
    }
    running = NONE;
    for (var k = ELEMENT - 1; k >= 0; k -= 1) {
        if begin + k < side {
            even[row * side + begin + k] = max(most[k], running);
        }
        if begin > 0 {
            running = max(running, odd[row * side + begin - ELEMENT + k]);
        }
    }
}

// Opened cells: the lowest return where it is ground, else the opening.
@compute @workgroup_size(64)
fn dilate_columns(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = i32(coarse_side());
    let blocks = (side + ELEMENT - 1) / ELEMENT;
    if i32(id.x) >= blocks * side {
        return;
    }
    let column = i32(id.x) % side;
    let begin = (i32(id.x) / side) * ELEMENT;
    var most: array<i32, 16>;
    var running = NONE;
    for (var k = 0; k < ELEMENT; k += 1) {
        if begin + k < side {
            running = max(running, even[(begin + k) * side + column]);
        }
        most[k] = running;
    }
    running = NONE;
    for (var k = ELEMENT - 1; k >= 0; k -= 1) {
        if begin + k < side {
            let opened = max(most[k], running);
            let z = seen(column, begin + k);
            // UNSEEN minus anything but NONE is more than any step.
            let is_ground = opened != NONE && z - opened <= params.step && z != UNSEEN;
            odd[(begin + k) * side + column] = select(opened, z, is_ground);
        }
        if begin > 0 {
            running = max(running, even[(begin - ELEMENT + k) * side + column]);
        }
    }
}

fn opened(column: i32, row: i32) -> i32 {
    let side = i32(coarse_side());
    if any(vec2<u32>(vec2<i32>(column, row)) >= vec2<u32>(u32(side))) {
        return NONE;
    }
    return odd[row * side + column];
}

// Evens out the coarse ground, and raises it from the cells' lowest places to
// their middles.
@compute @workgroup_size(128)
fn smooth_cells(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = i32(coarse_side());
    if i32(id.x) >= side * side {
        return;
    }
    let row = i32(id.x) / side;
    let column = i32(id.x) % side;
    var z = odd[id.x];
    if z == NONE {
        even[id.x] = NONE;
        return;
    }
    var around: array<i32, 9>;
    var least = UNSEEN;
    for (var k = 0; k < 9; k += 1) {
        let q = opened(column + k % 3 - 1, row + k / 3 - 1);
        around[k] = q;
        if k != 4 && q != NONE {
            least = min(least, q);
        }
    }
    if least != UNSEEN && z < least - PIT {
        z = least;
    }
    var sum = 0;
    for (var k = 0; k < 9; k += 1) {
        let q = select(around[k], z, around[k] == NONE || k == 4);
        around[k] = q;
        sum += clamp(q - z, -params.smoothing, params.smoothing);
    }
    let tilt = min(abs(around[5] - around[3]), 2 * params.smoothing)
        + min(abs(around[7] - around[1]), 2 * params.smoothing);
    even[id.x] = z + ((sum * 7282 + 32768) >> 16u) + (tilt >> 3u);
}

// How much higher the smoothed ground of a coarse cell is than `z`; nothing
// where it has none.
fn over(z: i32, column: i32, row: i32) -> i32 {
    let side = i32(coarse_side());
    if any(vec2<u32>(vec2<i32>(column, row)) >= vec2<u32>(u32(side))) {
        return 0;
    }
    let q = even[row * side + column];
    return select(clamp(q - z, -STEEPEST, STEEPEST), 0, q == NONE);
}

// The ground of the window's cells within a coarse one, bilinear between the
// middles of coarse cells.
@compute @workgroup_size(128)
fn interpolate(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = i32(coarse_side());
    if i32(id.x) >= side * side {
        return;
    }
    let row = i32(id.x) / side;
    let column = i32(id.x) % side;
    let z = even[id.x];
    let west = over(z, column - 1, row);
    let east = over(z, column + 1, row);
    let below = vec3<i32>(
        over(z, column - 1, row - 1),
        over(z, column, row - 1),
        over(z, column + 1, row - 1),
    );
    let above = vec3<i32>(
        over(z, column - 1, row + 1),
        over(z, column, row + 1),
        over(z, column + 1, row + 1),
    );
    let part = 1i << params.shift;
    let bits = 2u * params.shift + 2u;
    let first = (row * i32(params.window.side) + column) << params.shift;
    for (var j = 0; j < part; j += 1) {
        // From the middle of the coarse cell, in halves of a cell.
        let v = 2 * j + 1 - part;
        let b = abs(v);
        let beside = select(below, above, v > 0);
        for (var i = 0; i < part; i += 1) {
            let u = 2 * i + 1 - part;
            let a = abs(u);
            let along = select(west, east, u > 0);
            let across = select(beside.x, beside.z, u > 0);
            let sum = a * (2 * part - b) * along + (2 * part - a) * b * beside.y
                + a * b * across;
            let at = first + j * i32(params.window.side) + i;
            ground[at] = select(z + ((sum + (1i << (bits - 1u))) >> bits), NONE, z == NONE);
        }
    }
}

// The height of each return over the ground of its cell.
@compute @workgroup_size(256)
fn measure(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.points {
        return;
    }
    var z = NONE;
    if cells[id.x] != NOWHERE {
        z = ground[cells[id.x]];
    }
    heights[id.x] = select(fused[id.x].z - z, NONE, z == NONE);
}
