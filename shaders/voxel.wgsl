// Voxels of a cloud, in the order of the first point in each: `insert` sums
// the points in the slots of a hash table, `count` counts the points that are
// the first of their voxels, `finish` numbers these and divides.

struct Segment {
    // The place of its first point in `fused`, and how many there are.
    first: u32,
    length: u32,
    // The first of the workgroups that take its points.
    group: u32,
    pad: u32,
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
    voxels: u32,
    // Points that were kept, but lie outside the box.
    outside: atomic<u32>,
    // Not 0 once a point found no slot.
    full: atomic<u32>,
    pad: u32,
}

// Zero in between runs.
struct Slot {
    // One more than the voxel's index in the box.
    key: atomic<u32>,
    // The complement of its first point's number.
    first: atomic<u32>,
    // The greatest.
    intensity: atomic<u32>,
    count: atomic<u32>,
    // Sums of coordinates; they wrap.
    x: atomic<u32>,
    y: atomic<u32>,
    z: atomic<u32>,
    pad: u32,
}

// The same, once it is complete.
struct Sum {
    // Key, first, intensity and count.
    told: vec4<u32>,
    place: vec4<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fused: array<vec4<i32>>;
// Its length is a power of two.
@group(0) @binding(2) var<storage, read_write> table: array<Slot>;
@group(0) @binding(2) var<storage, read_write> sums: array<Sum>;
// The slots of the points that may be the first of their voxels.
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;
// Of each invocation, which of its points these are.
@group(0) @binding(4) var<storage, read_write> firsts: array<u32>;
// Of each workgroup, how many.
@group(0) @binding(5) var<storage, read_write> totals: array<u32>;
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

// The places of an invocation's points in `fused`.
fn run_of(group: u32, local: u32) -> vec2<u32> {
    var s = 0u;
    while s + 1u < SEGMENTS && group >= params.segments[s + 1u].group {
        s += 1u;
    }
    let segment = params.segments[s];
    let number = ((group - segment.group) * WORKGROUP + local) * RUN;
    return segment.first + min(vec2<u32>(number, number + RUN), vec2<u32>(segment.length));
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
    let voxel = vec3<u32>(voxel_of(p));
    let index = (voxel.z * params.extent.y + voxel.y) * params.extent.x + voxel.x;
    let inside = all(vec3<u32>(p) < params.extent * u32(params.size_mm));
    return select(0u, index + 1u, inside);
}

// The least corner of the voxel that has a key, mm.
fn corner_of(key: u32) -> vec3<i32> {
    let row = (key - 1u) / params.extent.x;
    let voxel = vec3<u32>(
        key - 1u - row * params.extent.x,
        row % params.extent.y,
        row / params.extent.y,
    );
    return (params.base + vec3<i32>(voxel)) * params.size_mm;
}

fn hash(key: u32) -> u32 {
    var h = key * 0x9e3779b1u;
    h = (h ^ (h >> 15u)) * 0x85ebca77u;
    return h ^ (h >> 13u);
}

// The slot that holds a key, once it is there; none if all are taken.
fn slot_of(key: u32) -> u32 {
    let size = arrayLength(&table);
    var slot = hash(key);
    // Twice round, as an exchange may fail for no reason.
    for (var step = 1u; step <= 2u * size; step += 1u) {
        slot &= size - 1u;
        var held = atomicLoad(&table[slot].key);
        if held == 0u {
            let exchange = atomicCompareExchangeWeak(&table[slot].key, 0u, key);
            held = select(exchange.old_value, key, exchange.exchanged);
        }
        if held == key {
            return slot;
        }
        slot += select(1u, 0u, held == 0u);
        if (step & 63u) == 0u && atomicLoad(&status.full) != 0u {
            break;
        }
    }
    return NOWHERE;
}

fn add(slot: u32, place: vec3<u32>, count: u32, intensity: u32) {
    if slot == NOWHERE {
        return;
    }
    atomicAdd(&table[slot].count, count);
    atomicAdd(&table[slot].x, place.x);
    atomicAdd(&table[slot].y, place.y);
    atomicAdd(&table[slot].z, place.z);
    if atomicLoad(&table[slot].intensity) < intensity {
        atomicMax(&table[slot].intensity, intensity);
    }
}

@compute @workgroup_size(64)
fn insert(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let run = run_of(group.x, local);
    var key = 0u;
    var slot = NOWHERE;
    var place = vec3<u32>(0u);
    var count = 0u;
    var intensity = 0u;
    var outside = 0u;
    var full = false;
    var mask = 0u;
    for (var i = run.x; i < run.y; i += 1u) {
        let p = fused[i];
        if (u32(p.w) >> 30u) != 0u {
            continue;
        }
        let wanted = key_of(p.xyz);
        if wanted != key {
            add(slot, place, count, intensity);
            place = vec3<u32>(0u);
            count = 0u;
            intensity = 0u;
            key = wanted;
            slot = NOWHERE;
            if key != 0u && !full {
                slot = slot_of(key);
                full = slot == NOWHERE;
            }
            let number = RUN * id.x + i - run.x;
            if slot != NOWHERE && atomicLoad(&table[slot].first) < ~number {
                atomicMax(&table[slot].first, ~number);
                slots[number] = slot;
                mask |= 1u << (i - run.x);
            }
        }
        outside += select(0u, 1u, key == 0u);
        place += vec3<u32>(p.xyz);
        count += 1u;
        intensity = max(intensity, u32(p.w) & 0xffffu);
    }
    add(slot, place, count, intensity);
    firsts[id.x] = mask;
    if outside > 0u {
        atomicAdd(&status.outside, outside);
    }
    if full {
        atomicStore(&status.full, 1u);
    }
}

var<workgroup> total: atomic<u32>;

@compute @workgroup_size(64)
fn count(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let found = firsts[id.x];
    var mask = found;
    for (var rest = found; rest != 0u; rest &= rest - 1u) {
        let number = RUN * id.x + firstTrailingBit(rest);
        if atomicLoad(&table[slots[number]].first) != ~number {
            mask ^= rest & (~rest + 1u);
        }
    }
    if mask != found {
        firsts[id.x] = mask;
    }
    if mask != 0u {
        atomicAdd(&total, countOneBits(mask));
    }
    workgroupBarrier();
    if local == 0u {
        totals[group.x] = atomicLoad(&total);
    }
}

// The mean of `count` lengths below 1,024, rounded to the nearest, halves up.
fn mean(sum: vec3<u32>, count: u32) -> vec3<i32> {
    let n = sum + vec3<u32>(count / 2u);
    let estimate = vec3<u32>(vec3<f32>(n) * (1.0 / f32(count)));
    let rest = vec3<i32>(n - estimate * count);
    let zero = vec3<i32>(0);
    let one = vec3<i32>(1);
    return vec3<i32>(estimate) - select(zero, one, rest < zero)
        + select(zero, one, rest >= vec3<i32>(i32(count)));
}

// Of each invocation, how many voxels begin before its points: in its share
// of the workgroups before, and in its own points.
var<workgroup> before: array<u32, WORKGROUP>;
var<workgroup> own: array<u32, WORKGROUP>;
// The slots of the workgroup's voxels.
var<workgroup> ours: array<u32, 512>;

@compute @workgroup_size(64)
fn finish(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    var mask = firsts[id.x];
    own[local] = countOneBits(mask);
    var share = 0u;
    for (var g = local; g < group.x; g += WORKGROUP) {
        share += totals[g];
    }
    before[local] = share;
    workgroupBarrier();
    if local == 0u {
        var sum = 0u;
        var all_before = 0u;
        for (var t = 0u; t < WORKGROUP; t += 1u) {
            all_before += before[t];
            let next = sum + own[t];
            own[t] = sum;
            sum = next;
        }
        before[0] = all_before;
        before[1] = sum;
    }
    workgroupBarrier();
    let base = before[0];
    let end = before[1];
    for (var next = own[local]; mask != 0u; next += 1u) {
        ours[next] = slots[RUN * id.x + firstTrailingBit(mask)];
        mask &= mask - 1u;
    }
    workgroupBarrier();
    for (var v = local; v < end; v += WORKGROUP) {
        let slot = ours[v];
        let told = sums[slot].told;
        let place = sums[slot].place.xyz;
        sums[slot] = Sum();
        let corner = corner_of(told.x);
        let count = told.w;
        // The sum of the offsets from the corner fits, whatever wrapped.
        let centroid = corner + mean(place - vec3<u32>(corner) * count, count);
        let word = told.z | (min(count, MAX_COUNT) << 16u);
        if base + v < arrayLength(&voxels) {
            voxels[base + v] = vec4<i32>(centroid, i32(word));
        }
    }
    if local == 0u && group.x + 1u == groups.x {
        status.voxels = select(base + end, BEYOND, atomicLoad(&status.full) != 0u);
    }
}
