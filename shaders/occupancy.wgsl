// Log-odds occupancy of a window of cells that rolls with the vehicle.
// `observe` notes where returns lie, `collect` lists the cells in which beams
// ended on the ground, `clear` follows these beams back, `update` folds what was
// seen into the grid.
// Needs common/fixed.wgsl and common/window.wgsl.

struct Params {
    window: Window,
    // The window's origin at the last update.
    last_origin: vec2<i32>,
    // Place of base_link in odom, mm.
    base: vec2<i32>,
    // From odom, about `base`, to x and y in base_link: rows of a transform that
    // only turns about z.
    base_x: vec4<i32>,
    base_y: vec4<i32>,
    // The vehicle's own body, in base_link, mm.
    body_min: vec2<i32>,
    body_max: vec2<i32>,
    points: u32,
    sweeps: u32,
    poses: u32,
    // Heights over the ground, mm.
    ground_min: i32,
    obstacle_min: i32,
    obstacle_max: i32,
    // Log-odds, in thousandths of a nat.
    hit: i32,
    miss: i32,
    least: i32,
    most: i32,
    decay: i32,
    pad: u32,
}

// What was seen of a cell: an obstacle, or else the ground, in the upper bits
// (the more the earlier the return), and in the lowest one whether it is free.
const FREE = 1u;
const HIT = 0xffffffffu;
const FIRST = HIT >> 1u;

const NONE = -2147483647 - 1;
const UNKNOWN = -32768;

// No beam is followed whose ends are further apart, mm.
const LIMIT = 524287;
// Fractional bits of a place along a beam.
const FRACTION = 11u;

@group(0) @binding(0) var<uniform> params: Params;
// Where each sweep's sensor is mounted, in base_link, mm.
@group(0) @binding(1) var<uniform> mounts: array<vec4<i32>, 32>;
// odom_from_base.
@group(0) @binding(2) var<storage, read> poses: array<Transform>;
@group(0) @binding(3) var<storage, read> fused: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> cells: array<u32>;
@group(0) @binding(5) var<storage, read> heights: array<i32>;
@group(0) @binding(6) var<storage, read> ground: array<i32>;
@group(0) @binding(7) var<storage, read_write> seen: array<atomic<u32>>;
// The same once nothing changes it any more, four cells at a time.
@group(0) @binding(12) var<storage, read> what: array<vec4<u32>>;
// Log-odds before and after, two cells a word.
@group(0) @binding(8) var<storage, read> last: array<u32>;
@group(0) @binding(9) var<storage, read_write> grid: array<u32>;
// How many beams there are to follow, and the cells in which they end.
@group(0) @binding(10) var<storage, read_write> count: atomic<u32>;
@group(0) @binding(11) var<storage, read_write> beams: array<u32>;

@compute @workgroup_size(256)
fn observe(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.points {
        return;
    }
    let height = heights[id.x];
    let cell = cells[id.x];
    if height < params.ground_min || height > params.obstacle_max
        || cell >= params.window.side * params.window.side {
        return;
    }
    let what = select((FIRST - 1u - id.x) << 1u, HIT, height > params.obstacle_min);
    if atomicLoad(&seen[cell]) < what {
        atomicMax(&seen[cell], what);
    }
}

// Cells of which an invocation collects the beams.
const STRIP = 32u;

// So that the beams stand close together, however few cells have one.
@compute @workgroup_size(64)
fn collect(@builtin(global_invocation_id) id: vec3<u32>) {
    let first = id.x * STRIP;
    if first >= params.window.side * params.window.side {
        return;
    }
    var ends = 0u;
    for (var i = 0u; i < STRIP; i += 1u) {
        let what = atomicLoad(&seen[first + i]);
        ends |= u32(what != HIT && what != 0u) << i;
    }
    if ends == 0u {
        return;
    }
    var at = atomicAdd(&count, countOneBits(ends));
    while ends != 0u {
        beams[at] = first + countTrailingZeros(ends);
        at += 1u;
        ends &= ends - 1u;
    }
}

// While beams are followed nothing else is changed, so that no invocation
// undoes another's work.
fn mark_free(index: u32) {
    let what = atomicLoad(&seen[index]);
    if (what & FREE) == 0u {
        atomicStore(&seen[index], what | FREE);
    }
}

// Follows the beam back that ended on the ground in a cell, as long as it is
// no higher over the ground of the cells that it passes than an obstacle may be.
// What it shows is free, but for what is beyond an obstacle under which it
// passed; the edge of a car's body is up to twice as high as an obstacle must be.
fn follow(end: u32, point: u32) {
    let side = params.window.side;
    let size = params.window.cell_mm;
    let p = fused[point];
    let tag = u32(p.w);
    let sweep = (tag >> 16u) & 31u;
    let pose = (tag >> 21u) & 511u;
    if sweep >= params.sweeps || pose >= params.poses {
        mark_free(end);
        return;
    }
    let d = transform(poses[pose], mounts[sweep].xyz) - p.xyz;
    let far = vec3<u32>(d + vec3<i32>(LIMIT)) > vec3<u32>(u32(2 * LIMIT));
    let length = max(abs(d.x), abs(d.y));
    // A steeper beam shows no cell but its own.
    if any(far) || abs(d.z) > length || length == 0 {
        mark_free(end);
        return;
    }
    let along = abs(d) << vec3<u32>(FRACTION);
    let slopes = sign(d) * vec3<i32>(quotient(along.xy, length), quotient(along.zz, length).x);
    let cell = vec2<i32>(i32(end & (side - 1u)), i32(end >> countTrailingZeros(side)));
    let within = p.xy - (params.window.origin + cell) * size;
    let start = (cell << vec2<u32>(FRACTION)) + quotient(within << vec2<u32>(FRACTION), size);

    // How many cells it passes, how many of them low, and from which on it has
    // passed all obstacles.
    var passed = 1;
    var low = 1;
    var first = 0;
    for (var place = start + slopes.xy; passed * size <= length; place += slopes.xy) {
        let at = vec2<u32>(place >> vec2<u32>(FRACTION));
        if any(at >= vec2<u32>(side)) {
            break;
        }
        let index = at.y * side + at.x;
        let floor = ground[index];
        let height = p.z + ((passed * size * slopes.z) >> FRACTION) - floor;
        if floor == NONE || height > 2 * params.obstacle_min {
            break;
        }
        low += i32(low == passed && height <= params.obstacle_min);
        passed += 1;
        if atomicLoad(&seen[index]) == HIT {
            first = passed;
        }
    }
    for (var i = first; i < low; i += 1) {
        let at = vec2<u32>((start + i * slopes.xy) >> vec2<u32>(FRACTION));
        mark_free(at.y * side + at.x);
    }
}

// Whether the vehicle itself stands on the middle of a cell.
fn is_under_body(cell: vec2<i32>, reach: i32) -> bool {
    let size = params.window.cell_mm;
    let p = (params.window.origin + cell) * size + vec2<i32>(size / 2) - params.base;
    let q = vec2<i32>(
        transform_row(params.base_x, vec3<i32>(p, 0)),
        transform_row(params.base_y, vec3<i32>(p, 0)),
    );
    return all(abs(p) <= vec2<i32>(reach))
        && all(q >= params.body_min) && all(q <= params.body_max);
}

// The cell of the window, or the first beyond it, that holds a place in odom.
fn within_window(place: vec2<i32>) -> vec2<i32> {
    let size = params.window.cell_mm;
    let cell = vec2<i32>(floor_div(place.x, size), floor_div(place.y, size));
    return clamp(cell - params.window.origin, vec2<i32>(0), vec2<i32>(i32(params.window.side)));
}

// Notes that the vehicle itself stands on some cells: every `step`th of those
// near it.
fn stand(first: i32, step: i32) {
    let side = i32(params.window.side);
    let a = max(abs(params.body_min), abs(params.body_max));
    // A little more than its furthest corner.
    let reach = min(a.x + a.y + 2, LIMIT);
    let least = within_window(params.base - reach);
    let past = min(within_window(params.base + reach) + 1, vec2<i32>(side));
    let width = past.x - least.x;
    for (var i = first; i < width * (past.y - least.y); i += step) {
        let cell = least + vec2<i32>(i % width, i / width);
        if is_under_body(cell, reach) {
            mark_free(u32(cell.y * side + cell.x));
        }
    }
}

@compute @workgroup_size(256)
fn clear(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
) {
    let step = workgroups.x * 256u;
    let beam_count = atomicLoad(&count);
    for (var i = id.x; i < beam_count; i += step) {
        let cell = beams[i];
        follow(cell, FIRST - 1u - (atomicLoad(&seen[cell]) >> 1u));
    }
    stand(i32(id.x), i32(step));
}

// Log-odds after those before.
fn updated(before: vec4<i32>, seen: vec4<u32>) -> vec4<i32> {
    let unknown = before == vec4<i32>(UNKNOWN);
    let prior = select(before, vec4<i32>(0), unknown);
    let fainter = sign(prior) * max(abs(prior) - params.decay, vec4<i32>(0));
    let faded = select(fainter, before, unknown);
    let change = select(vec4<i32>(-params.miss), vec4<i32>(params.hit), seen == vec4<u32>(HIT));
    let changed = clamp(prior + change, vec4<i32>(params.least), vec4<i32>(params.most));
    return select(changed, faded, (seen & vec4<u32>(FREE)) == vec4<u32>(0u));
}

@compute @workgroup_size(256)
fn update(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = params.window.side;
    let first = id.x * 4u;
    if first >= side * side {
        return;
    }
    let cell = vec2<i32>(vec2<u32>(first & (side - 1u), first >> countTrailingZeros(side)));
    // Both origins are multiples of 16 cells, so that words stay words.
    let before = vec2<u32>(cell + params.window.origin - params.last_origin);
    let stays = all(before < vec2<u32>(side));
    let start = select(0u, (before.y * side + before.x) / 2u, stays);
    let known = vec2<u32>(last[start], last[start + 1u]);
    let words = select(vec2<u32>(0x80008000u), known, stays);
    let upper = vec4<i32>(vec4<u32>(words << vec2<u32>(16u), words));
    // The first of each pair, then the second.
    let pairs = upper >> vec4<u32>(16u);
    let after = updated(pairs, what[id.x].xzyw);
    grid[id.x * 2u] = (u32(after.x) & 0xffffu) | (u32(after.z) << 16u);
    grid[id.x * 2u + 1u] = (u32(after.y) & 0xffffu) | (u32(after.w) << 16u);
}
