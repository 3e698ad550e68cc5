// Voxels of a cloud, in the order of the first point in each: `insert` gives
// every point a slot of a hash table, `count` and `number` number the slots
// that are taken, `accumulate` sums over the points, `finish` divides.

struct Segment {
    // Points up to the end of this segment.
    end: u32,
    // Added to a point's number, its place in `fused`; wraps.
    shift: u32,
    pad: vec2<u32>,
}

struct Params {
    // Voxel coordinates of the box's least corner.
    base: vec3<i32>,
    size_mm: i32,
    // Voxels along each side of the box.
    extent: vec3<u32>,
    points: u32,
    segments: array<Segment, 32>,
}

struct Status {
    voxels: atomic<u32>,
    // Points that were kept, but lie outside the box.
    outside: atomic<u32>,
    // Not 0 once a point found no slot.
    full: atomic<u32>,
    pad: u32,
}

// Zero in between runs, but for `number`.
struct Slot {
    // One more than the voxel's index in the box.
    key: atomic<u32>,
    // The complement of its first point's number.
    first: atomic<u32>,
    // The voxel's number.
    number: u32,
    pad: u32,
}

struct Sum {
    // The voxel's least corner, mm.
    corner: vec3<i32>,
    count: atomic<u32>,
    // Sums of coordinates; they wrap.
    x: atomic<u32>,
    y: atomic<u32>,
    z: atomic<u32>,
    // The greatest.
    intensity: atomic<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fused: array<vec4<i32>>;
// Each point's slot.
@group(0) @binding(2) var<storage, read_write> slots: array<u32>;
// Its length is a power of two.
@group(0) @binding(3) var<storage, read_write> table: array<Slot>;
// Of each invocation, which of its points are the first of their voxels, and,
// further back, of each workgroup, how many are.
@group(0) @binding(4) var<storage, read_write> firsts: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<Sum>;
@group(0) @binding(6) var<storage, read_write> voxels: array<vec4<i32>>;
@group(0) @binding(7) var<storage, read_write> status: Status;

const SEGMENTS = 32u;
const WORKGROUP = 64u;
// Consecutive points for an invocation: those of one scan line often lie in
// one voxel.
const RUN = 8u;

const NOWHERE = 0xffffffffu;
// Told for the number of voxels where it is greater than that of slots.
const BEYOND = 0xffffffffu;
const MAX_COUNT = 65535u;

// The points of an invocation.
fn run_of(invocation: u32) -> vec2<u32> {
    let begin = min(invocation * RUN, params.points);
    return vec2<u32>(begin, min(begin + RUN, params.points));
}

// The segment in which a point is.
fn segment_of(point: u32) -> u32 {
    var s = 0u;
    while s + 1u < SEGMENTS && point >= params.segments[s].end {
        s += 1u;
    }
    return s;
}

// The voxel, in the box, of a place `p` mm from the box's corner. An estimate
// in floating point, at most one off, is set right in integers.
fn voxel_of(p: vec3<i32>) -> vec3<i32> {
    let estimate = vec3<i32>(vec3<f32>(p) * (1.0 / f32(params.size_mm)));
    let rest = p - estimate * params.size_mm;
    let zero = vec3<i32>(0);
    let one = vec3<i32>(1);
    return estimate - select(zero, one, rest < zero)
        + select(zero, one, rest >= vec3<i32>(params.size_mm));
}

// One more than the index of a voxel in the box; 0 outside.
fn key_of(place: vec3<i32>) -> u32 {
    let p = place - params.base * params.size_mm;
    if any(vec3<u32>(p) >= params.extent * u32(params.size_mm)) {
        return 0u;
    }
    let voxel = vec3<u32>(voxel_of(p));
    return (voxel.z * params.extent.y + voxel.y) * params.extent.x + voxel.x + 1u;
}

fn hash(key: u32) -> u32 {
    var h = key * 0x9e3779b1u;
    h = (h ^ (h >> 15u)) * 0x85ebca77u;
    return h ^ (h >> 13u);
}

// The slot that holds a key, once it is there.
fn slot_of(key: u32) -> u32 {
    let size = arrayLength(&table);
    var slot = hash(key) & (size - 1u);
    // Twice round, as an exchange may fail for no reason.
    for (var step = 0u; step < 2u * size; step += 1u) {
        var held = atomicLoad(&table[slot].key);
        if held == 0u {
            let exchange = atomicCompareExchangeWeak(&table[slot].key, 0u, key);
            if exchange.exchanged {
                return slot;
            }
            held = exchange.old_value;
        }
        if held == key {
            return slot;
        }
        if held != 0u {
            slot = (slot + 1u) & (size - 1u);
        }
        if (step & 63u) == 63u && atomicLoad(&status.full) != 0u {
            return NOWHERE;
        }
    }
    atomicStore(&status.full, 1u);
    return NOWHERE;
}

@compute @workgroup_size(64)
fn insert(@builtin(global_invocation_id) id: vec3<u32>) {
    let run = run_of(id.x);
    var segment = params.segments[segment_of(run.x)];
    var key = 0u;
    var slot = NOWHERE;
    var outside = 0u;
    for (var i = run.x; i < run.y; i += 1u) {
        if i >= segment.end {
            segment = params.segments[segment_of(i)];
        }
        let p = fused[i + segment.shift];
        var found = NOWHERE;
        if (u32(p.w) >> 30u) == 0u {
            let wanted = key_of(p.xyz);
            if wanted == 0u {
                outside += 1u;
            } else {
                if wanted != key {
                    key = wanted;
                    slot = slot_of(key);
                    if slot != NOWHERE && atomicLoad(&table[slot].first) < ~i {
                        atomicMax(&table[slot].first, ~i);
                    }
                }
                found = slot;
            }
        }
        slots[i] = found;
    }
    if outside > 0u {
        atomicAdd(&status.outside, outside);
    }
}

// Where the workgroups' numbers are in `firsts`.
fn of_groups() -> u32 {
    return (params.points + RUN - 1u) / RUN;
}

var<workgroup> total: atomic<u32>;

@compute @workgroup_size(64)
fn count(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let run = run_of(id.x);
    var last = NOWHERE;
    var mask = 0u;
    for (var i = run.x; i < run.y; i += 1u) {
        let slot = slots[i];
        if slot != last && slot != NOWHERE {
            if atomicLoad(&table[slot].first) == ~i {
                mask |= 1u << (i - run.x);
            }
        }
        last = slot;
    }
    if run.x < run.y {
        firsts[id.x] = mask;
    }
    if mask != 0u {
        atomicAdd(&total, countOneBits(mask));
    }
    workgroupBarrier();
    if local == 0u {
        firsts[of_groups() + group.x] = atomicLoad(&total);
    }
}

// Of each invocation, how many voxels begin before its points: first of its
// share of the workgroups before, and in its own points.
var<workgroup> before: array<u32, WORKGROUP>;
var<workgroup> own: array<u32, WORKGROUP>;

@compute @workgroup_size(64)
fn number(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let run = run_of(id.x);
    var mask = 0u;
    if run.x < run.y {
        mask = firsts[id.x];
    }
    own[local] = countOneBits(mask);
    var share = 0u;
    for (var g = local; g < group.x; g += WORKGROUP) {
        share += firsts[of_groups() + g];
    }
    before[local] = share;
    workgroupBarrier();
    if local == 0u {
        var sum = 0u;
        for (var t = 0u; t < WORKGROUP; t += 1u) {
            sum += before[t];
        }
        for (var t = 0u; t < WORKGROUP; t += 1u) {
            before[t] = sum;
            sum += own[t];
        }
    }
    workgroupBarrier();
    var next = before[local];
    while mask != 0u {
        let slot = slots[run.x + firstTrailingBit(mask)];
        mask &= mask - 1u;
        table[slot].number = next;
        atomicStore(&table[slot].key, 0u);
        if next < arrayLength(&sums) {
            atomicStore(&sums[next].count, 0u);
            atomicStore(&sums[next].x, 0u);
            atomicStore(&sums[next].y, 0u);
            atomicStore(&sums[next].z, 0u);
            atomicStore(&sums[next].intensity, 0u);
        }
        next += 1u;
    }
    if run.x < run.y && run.y == params.points {
        atomicStore(&status.voxels, select(next, BEYOND, atomicLoad(&status.full) != 0u));
    }
}

fn add(slot: u32, place: vec3<u32>, count: u32, intensity: u32) {
    let v = table[slot].number;
    if v >= arrayLength(&sums) {
        return;
    }
    atomicAdd(&sums[v].count, count);
    atomicAdd(&sums[v].x, place.x);
    atomicAdd(&sums[v].y, place.y);
    atomicAdd(&sums[v].z, place.z);
    if atomicLoad(&sums[v].intensity) < intensity {
        atomicMax(&sums[v].intensity, intensity);
    }
}

@compute @workgroup_size(64)
fn accumulate(@builtin(global_invocation_id) id: vec3<u32>) {
    let run = run_of(id.x);
    if run.x == run.y {
        return;
    }
    let mask = firsts[id.x];
    var segment = params.segments[segment_of(run.x)];
    var last = NOWHERE;
    var place = vec3<u32>(0u);
    var count = 0u;
    var intensity = 0u;
    for (var i = run.x; i < run.y; i += 1u) {
        if i >= segment.end {
            segment = params.segments[segment_of(i)];
        }
        let slot = slots[i];
        if slot == NOWHERE {
            continue;
        }
        let p = fused[i + segment.shift];
        if ((mask >> (i - run.x)) & 1u) != 0u {
            atomicStore(&table[slot].first, 0u);
            let v = table[slot].number;
            if v < arrayLength(&sums) {
                let base = params.base * params.size_mm;
                sums[v].corner = base + voxel_of(p.xyz - base) * params.size_mm;
            }
        }
        if slot != last {
            if count > 0u {
                add(last, place, count, intensity);
            }
            last = slot;
            place = vec3<u32>(0u);
            count = 0u;
            intensity = 0u;
        }
        place += vec3<u32>(p.xyz);
        count += 1u;
        intensity = max(intensity, u32(p.w) & 0xffffu);
    }
    if count > 0u {
        add(last, place, count, intensity);
    }
}

// The mean of `count` lengths below 1,024, rounded to the nearest, halves up.
fn mean(sum: u32, count: u32) -> i32 {
    let n = sum + count / 2u;
    let estimate = u32(f32(n) * (1.0 / f32(count)));
    let rest = i32(n - estimate * count);
    return i32(estimate) - select(0, 1, rest < 0) + select(0, 1, rest >= i32(count));
}

@compute @workgroup_size(64)
fn finish(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let room = arrayLength(&voxels);
    let found = atomicLoad(&status.voxels);
    let end = select(found, 0u, found > room);
    for (var v = id.x; v < end; v += groups.x * WORKGROUP) {
        let corner = sums[v].corner;
        let count = atomicLoad(&sums[v].count);
        // The sum of the offsets from the corner fits, whatever wrapped.
        let offsets = vec3<u32>(
            atomicLoad(&sums[v].x),
            atomicLoad(&sums[v].y),
            atomicLoad(&sums[v].z),
        ) - vec3<u32>(corner) * count;
        let centroid = corner + vec3<i32>(
            mean(offsets.x, count),
            mean(offsets.y, count),
            mean(offsets.z, count),
        );
        let word = atomicLoad(&sums[v].intensity) | (min(count, MAX_COUNT) << 16u);
        voxels[v] = vec4<i32>(centroid, i32(word));
    }
}
