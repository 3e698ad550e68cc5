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
const OF_EACH = vec4<u32>(KEPT, NOT_FINITE, OUT_OF_RANGE, OWN_BODY);

const LIMIT = 524287;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sweeps: array<Sweep>;
@group(0) @binding(2) var<storage, read> poses: array<Transform>;
@group(0) @binding(3) var<storage, read> points: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read_write> fused: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read_write> cells: array<u32>;
@group(0) @binding(6) var<storage, read_write> counts: array<atomic<u32>, 4>;

// Consecutive points for an invocation: most have the sweep and the pose of
// the one before.
const RUN = 8u;

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

// The pose that a point with a tag has.
fn pose_of(sweep: Sweep, tag: u32) -> u32 {
    let ticks = sweep.tick + ((tag >> 16u) & sweep.mask);
    return min(sweep.pose + (ticks >> params.tick_shift), params.poses - 1u);
}

// The sweep that a point is of.
fn sweep_of(point: u32) -> u32 {
    var s = 0u;
    while s + 1u < params.sweeps && sweeps[s + 1u].first <= point {
        s += 1u;
    }
    return s;
}

@compute @workgroup_size(64)
fn fuse(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let end = min(RUN * (id.x + 1u), params.points);
    var found = vec4<u32>(0u);
    var i = RUN * id.x;
    while i < end {
        let s = sweep_of(i);
        let sweep = sweeps[s];
        var next = params.points;
        if s + 1u < params.sweeps {
            next = sweeps[s + 1u].first;
        }
        var p = points[i];
        let pose = pose_of(sweep, u32(p.w));
        let odom_from_base = poses[pose];
        loop {
            let base = transform(sweep.base_from_sensor, p.xyz);
            let what = outcome(p.xyz, base);
            var odom = vec3<i32>(0);
            var cell = NOWHERE;
            if what == KEPT {
                odom = transform(odom_from_base, base);
                cell = window_index(params.window, odom.xy);
            }
            let told = (u32(p.w) & 0xffffu) | (s << 16u) | (pose << 21u) | (what << 30u);
            fused[i] = vec4<i32>(odom, i32(told));
            cells[i] = cell;
            found += vec4<u32>(vec4<u32>(what) == OF_EACH);
            i += 1u;
            if i >= min(end, next) {
                break;
            }
            p = points[i];
            if pose_of(sweep, u32(p.w)) != pose {
                break;
            }
        }
    }
    for (var what = 0u; what < OUTCOMES; what += 1u) {
        if found[what] > 0u {
            atomicAdd(&group_counts[what], found[what]);
        }
    }
    workgroupBarrier();
    if local < OUTCOMES {
        let n = atomicLoad(&group_counts[local]);
        if n > 0u {
            atomicAdd(&counts[local], n);
        }
    }
}
