// Log-odds occupancy of a window of cells that rolls with the vehicle.
// `observe` gathers what the beams saw, `update` folds it into the grid.
// Needs common/fixed.wgsl.

struct Params {
    // Height above the vehicle's ground plane: a transform's row, about `centre`.
    plane: vec4<i32>,
    // Odom position about which `plane` is taken, mm; w unused.
    centre: vec4<i32>,
    // Cell coordinates of the window's least corner, now and at the last update.
    origin: vec2<i32>,
    last_origin: vec2<i32>,
    // Cells along a side, a power of two and a multiple of 16.
    side: u32,
    cell_mm: i32,
    points: u32,
    // Heights over the ground plane, mm.
    ground_min: i32,
    obstacle_min: i32,
    obstacle_max: i32,
    // Log-odds, in thousandths of a nat.
    hit: i32,
    miss: i32,
    least: i32,
    most: i32,
    pad: vec2<u32>,
}

// Two bits of evidence a cell, 16 cells a word.
const FREE = 1u;
const HIT = 2u;

const UNKNOWN = -32768;

@group(0) @binding(0) var<uniform> params: Params;
// Where each sweep's sensor stood: x and y in odom, height over the ground plane.
@group(0) @binding(1) var<storage, read> sensors: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> fused: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> evidence: array<atomic<u32>>;
// Two cells a word.
@group(0) @binding(4) var<storage, read_write> grid: array<u32>;

fn cell_of(p: vec2<i32>) -> vec2<i32> {
    return vec2<i32>(floor_div(p.x, params.cell_mm), floor_div(p.y, params.cell_mm));
}

fn mark(cell: vec2<i32>, what: u32) {
    let inside = vec2<u32>(cell - params.origin) < vec2<u32>(params.side);
    if !all(inside) {
        return;
    }
    // The window is a torus: a cell keeps its slot while the window rolls.
    let slot = vec2<u32>(cell) & vec2<u32>(params.side - 1u);
    let index = slot.y * params.side + slot.x;
    let bits = what << (2u * (index & 15u));
    if (atomicLoad(&evidence[index >> 4u]) & bits) != bits {
        atomicOr(&evidence[index >> 4u], bits);
    }
}

@compute @workgroup_size(256)
fn observe(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.points {
        return;
    }
    let p = fused[id.x];
    let tag = u32(p.w);
    if (tag >> 30u) != 0u {
        return;
    }
    let height = transform_row(params.plane, p.xyz - params.centre.xyz);
    if height < params.ground_min || height > params.obstacle_max {
        return;
    }
    let end = cell_of(p.xy);
    mark(end, select(FREE, HIT, height > params.obstacle_min));

    // Back along the beam: it shows a cell to be free only where it passed
    // lower than any obstacle.
    let sensor = sensors[(tag >> 16u) & 31u];
    let d = cell_of(sensor.xy) - end;
    let a = abs(d);
    let n = max(a.x, a.y);
    var reach = n;
    if sensor.z > params.obstacle_min {
        reach = 0;
        if height < params.obstacle_min {
            reach = n * (params.obstacle_min - height) / (sensor.z - height);
        }
    }
    // Bresenham's line.
    let direction = sign(d);
    var error = vec2<i32>(n / 2);
    var cell = end;
    for (var k = 0; k < reach; k += 1) {
        error -= a;
        let step = select(vec2<i32>(0), vec2<i32>(1), error < vec2<i32>(0));
        error += step * n;
        cell += step * direction;
        mark(cell, FREE);
    }
}

fn updated(old: i32, seen: u32) -> i32 {
    if seen == 0u {
        return old;
    }
    let prior = select(old, 0, old == UNKNOWN);
    return clamp(prior + select(-params.miss, params.hit, seen >= HIT), params.least, params.most);
}

// The cell coordinate, within the window from `origin`, of the cell in `slot`.
fn unroll(slot: i32, origin: i32) -> i32 {
    return origin + ((slot - origin) & i32(params.side - 1u));
}

fn was_inside(coordinate: i32, last_origin: i32) -> bool {
    return u32(coordinate - last_origin) < params.side;
}

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3<u32>) {
    let words_a_row = params.side / 16u;
    if id.x >= words_a_row * params.side {
        return;
    }
    let seen = atomicExchange(&evidence[id.x], 0u);
    let row = i32(id.x / words_a_row);
    let column = i32(id.x % words_a_row) * 16;
    let row_stays = was_inside(unroll(row, params.origin.y), params.last_origin.y);
    for (var pair = 0; pair < 8; pair += 1) {
        let word = id.x * 8u + u32(pair);
        let old = grid[word];
        var cells = vec2<i32>(i32(old << 16u) >> 16u, i32(old) >> 16u);
        for (var half = 0; half < 2; half += 1) {
            let x = unroll(column + 2 * pair + half, params.origin.x);
            let stays = row_stays && was_inside(x, params.last_origin.x);
            let bits = (seen >> u32(4 * pair + 2 * half)) & 3u;
            cells[half] = updated(select(UNKNOWN, cells[half], stays), bits);
        }
        grid[word] = (u32(cells.x) & 0xffffu) | (u32(cells.y) << 16u);
    }
}
