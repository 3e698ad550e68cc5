// Brings every return of every sweep into the odom frame, from where the
// vehicle was when it was measured, and says which to keep and in which cell
// of the window they are. Needs common/fixed.wgsl and common/window.wgsl.

struct Params {
    window: Window,
    points: u32,
    sweeps: u32,
    poses: u32,
    // A pose lasts 2^tick_shift ticks.
    tick_shift: u32,
    // Units of 32 mm, squared.
    range_squared: u32,
    // In base_link, mm.
    height_min: i32,
    height_max: i32,
    body_top: i32,
    body_min: vec2<i32>,
    body_max: vec2<i32>,
}

struct Sweep {
    base_from_sensor: Transform,
    // Index of the sweep's first point.
    first: u32,
    // The pose of a point t ticks old is pose + (tick + (t & mask)) >> tick_shift.
    pose: u32,
    tick: u32,
    mask: u32,
}

const KEPT = 0u;
const NOT_FINITE = 1u;
const OUT_OF_RANGE = 2u;
const OWN_BODY = 3u;
const OUTCOMES = 4u;

const LIMIT = 524287;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sweeps: array<Sweep>;
@group(0) @binding(2) var<storage, read> poses: array<Transform>;
@group(0) @binding(3) var<storage, read> points: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read_write> fused: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read_write> cells: array<u32>;
@group(0) @binding(6) var<storage, read_write> counts: array<atomic<u32>, 4>;

var<workgroup> group_counts: array<atomic<u32>, 4>;

fn beyond_limit(c: i32) -> bool {
    return u32(c + LIMIT) > u32(2 * LIMIT);
}

fn outcome(p: vec3<i32>, base: vec3<i32>) -> u32 {
    if p.x == -2147483647 - 1 {
        return NOT_FINITE;
    }
    if beyond_limit(p.x) || beyond_limit(p.y) || beyond_limit(p.z) {
        return OUT_OF_RANGE;
    }
    let u = vec2<u32>(abs(base.xy)) >> vec2<u32>(5u);
    if u.x * u.x + u.y * u.y > params.range_squared
        || base.z < params.height_min || base.z > params.height_max {
        return OUT_OF_RANGE;
    }
    if all(base.xy >= params.body_min) && all(base.xy <= params.body_max)
        && base.z <= params.body_top {
        return OWN_BODY;
    }
    return KEPT;
}

@compute @workgroup_size(256)
fn fuse(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    if local < OUTCOMES {
        atomicStore(&group_counts[local], 0u);
    }
    workgroupBarrier();
    if id.x < params.points {
        var s = 0u;
        while s + 1u < params.sweeps && sweeps[s + 1u].first <= id.x {
            s += 1u;
        }
        let p = points[id.x];
        let base = transform(sweeps[s].base_from_sensor, p.xyz);
        let what = outcome(p.xyz, base);
        let tag = u32(p.w);
        let ticks = sweeps[s].tick + ((tag >> 16u) & sweeps[s].mask);
        let pose = min(sweeps[s].pose + (ticks >> params.tick_shift), params.poses - 1u);
        var odom = vec3<i32>(0);
        var cell = NOWHERE;
        if what == KEPT {
            odom = transform(poses[pose], base);
            cell = window_index(params.window, odom.xy);
        }
        let told = (tag & 0xffffu) | (s << 16u) | (pose << 21u) | (what << 30u);
        fused[id.x] = vec4<i32>(odom, i32(told));
        cells[id.x] = cell;
        atomicAdd(&group_counts[what], 1u);
    }
    workgroupBarrier();
    if local < OUTCOMES {
        let n = atomicLoad(&group_counts[local]);
        if n > 0u {
            atomicAdd(&counts[local], n);
        }
    }
}
