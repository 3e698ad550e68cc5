// Brings every return of every sweep into the odom frame and says which to
// keep. Needs common/fixed.wgsl.

struct Params {
    // Number of points and of sweeps.
    points: u32,
    sweeps: u32,
    // Crop, in base_link: the horizontal range in units of 32 mm, squared.
    range_squared: u32,
    height_min: i32,
    height_max: i32,
    // The vehicle's own body, in base_link, mm.
    body_top: i32,
    body_min: vec2<i32>,
    body_max: vec2<i32>,
}

struct Sweep {
    base_from_sensor: Transform,
    odom_from_sensor: Transform,
    // Index of the sweep's first point.
    first: u32,
    pad: array<u32, 3>,
}

const KEPT = 0u;
const NOT_FINITE = 1u;
const OUT_OF_RANGE = 2u;
const OWN_BODY = 3u;
const OUTCOMES = 4u;

const LIMIT = 524287;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sweeps: array<Sweep>;
@group(0) @binding(2) var<storage, read> points: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> fused: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read_write> counts: array<atomic<u32>, 4>;

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
        var odom = vec3<i32>(0);
        if what == KEPT {
            odom = transform(sweeps[s].odom_from_sensor, p.xyz);
        }
        // Tag: intensity, sweep, outcome.
        let tag = (u32(p.w) & 0xffffu) | (s << 16u) | (what << 30u);
        fused[id.x] = vec4<i32>(odom, i32(tag));
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
