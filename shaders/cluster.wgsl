// Connected components of what stands on the ground. `mark` finds the cells in
// which something stands, `link` joins cells within reach of each other,
// `flatten` takes every cell to the root of its component and adds up its
// points, `choose` and `number` give components of enough points dense
// numbers, `spread` gives them to the cells and `label` to the points.
// Needs common/fixed.wgsl and common/window.wgsl.

struct Params {
    window: Window,
    // The vehicle in odom, mm.
    position: vec2<i32>,
    points: u32,
    // Heights over ground, mm: higher than `tolerance` a point stands on the
    // ground, higher than `clearance` it hangs above the vehicle.
    tolerance: i32,
    clearance: i32,
    // How far apart two cells are joined: at the vehicle, mm, and how much
    // more at a distance, mm a metre.
    reach_mm: u32,
    reach_per_mille: u32,
    min_points: u32,
}

// Cells of a row that have one reach.
struct Strip {
    // In which of them something stands.
    cells: atomic<u32>,
    // Which of those are roots.
    roots: u32,
    // The strips in which something stands, those of all such strips together.
    listed: u32,
    pad: u32,
    // Points in each cell; of a root, then those of its component, then the
    // component's label.
    counts: array<atomic<u32>, 16>,
}

struct Tally {
    // How many strips are listed, and how many clusters were found.
    listed: atomic<u32>,
    found: atomic<u32>,
    // Roots of the clusters, in no order.
    roots: array<u32, 4096>,
}

struct Cluster {
    min: array<atomic<i32>, 3>,
    points: u32,
    max: array<atomic<i32>, 3>,
    height: atomic<i32>,
}

const NONE = -2147483647 - 1;
const UNLABELLED = 0u;
const GROUND = 1u;
const FIRST = 2u;
const CAPACITY = 4096u;
const STRIP = 16u;
const MAX_REACH = 15u;
// So many invocations share what is listed, however much there is room for.
const SHARES = 2048u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fused: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
@group(0) @binding(3) var<storage, read> heights: array<i32>;
@group(0) @binding(4) var<storage, read_write> strips: array<Strip>;
// For each cell a cell of the same component with a lower index, or itself; in
// the end its label.
@group(0) @binding(5) var<storage, read_write> parents: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> tally: Tally;
@group(0) @binding(7) var<storage, read_write> labels: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read_write> clusters: array<Cluster>;

// The first of what is listed that an invocation takes: few strips, too, are
// spread over all groups.
fn share(group: vec3<u32>, local: u32) -> u32 {
    return local * (SHARES / 64u) + group.x;
}

// The cell of a point that stands on the ground.
fn standing(point: u32) -> u32 {
    let height = heights[point];
    let stands = height > params.tolerance && height <= params.clearance && height != NONE;
    if !stands || point >= params.points {
        return NOWHERE;
    }
    let side = params.window.side;
    return select(NOWHERE, cells[point], cells[point] < side * side);
}

// Counts points in a cell.
fn count(cell: u32, points: u32) {
    if cell == NOWHERE {
        return;
    }
    let strip = cell / STRIP;
    if atomicAdd(&strips[strip].counts[cell % STRIP], points) != 0u {
        return;
    }
    // The first to come here.
    atomicStore(&parents[cell], cell);
    if atomicOr(&strips[strip].cells, 1u << (cell % STRIP)) == 0u {
        strips[atomicAdd(&tally.listed, 1u)].listed = strip;
    }
}

@compute @workgroup_size(256)
fn mark(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = 4u * id.x;
    var left = vec4<u32>(standing(i), standing(i + 1u), standing(i + 2u), standing(i + 3u));
    // Points that follow each other are often in one cell.
    loop {
        let cell = min(min(left.x, left.y), min(left.z, left.w));
        let here = left == vec4<u32>(cell);
        let ones = select(vec4<u32>(0u), vec4<u32>(1u), here);
        count(cell, ones.x + ones.y + ones.z + ones.w);
        left = select(left, vec4<u32>(NOWHERE), here);
        if all(left == vec4<u32>(NOWHERE)) {
            break;
        }
    }
}

// The square root rounded down, for n below 2^30: an estimate in floating
// point, at most one off, is set right in integers.
fn root_of(n: u32) -> u32 {
    let estimate = u32(sqrt(f32(n)));
    let more = (estimate + 1u) * (estimate + 1u) <= n;
    let less = estimate * estimate > n;
    return estimate + select(0u, 1u, more) - select(0u, 1u, less);
}

// How far the cells of a strip reach, in cells, squared: at least to the
// neighbours, at most to MAX_REACH.
fn reach_squared(row: u32, column: u32) -> u32 {
    let window = params.window;
    let vehicle = vec2<i32>(
        floor_div(params.position.x, window.cell_mm),
        floor_div(params.position.y, window.cell_mm),
    );
    let cell = window.origin + vec2<i32>(i32(column + STRIP / 2u), i32(row));
    let d = vec2<u32>(clamp(cell - vehicle, vec2<i32>(-16383), vec2<i32>(16383)));
    let metres = root_of(d.x * d.x + d.y * d.y) * u32(window.cell_mm) / 1000u;
    let most = MAX_REACH * u32(window.cell_mm);
    let reach = min(params.reach_mm + metres * params.reach_per_mille, most);
    let sixty_fourths = reach * 64u / u32(window.cell_mm);
    return max((sixty_fourths * sixty_fourths) >> 12u, 1u);
}

fn root(start: u32) -> u32 {
    var cell = start;
    var parent = atomicLoad(&parents[cell]);
    // Parents have lower indices than their children.
    while parent < cell {
        cell = parent;
        parent = atomicLoad(&parents[cell]);
    }
    return cell;
}

// Joins two trees. Whatever other threads do meanwhile, the higher of the two
// cells falls in every turn, so that it ends.
fn join(first: u32, second: u32) {
    var a = root(first);
    var b = root(second);
    while a != b {
        let high = max(a, b);
        let low = min(a, b);
        let before = atomicMin(&parents[high], low);
        if before >= high {
            return;
        }
        // The higher was no root any more: its parent's tree is to be joined.
        a = root(before);
        b = root(low);
    }
}

fn strip_at(index: u32) -> u32 {
    return atomicLoad(&strips[index].cells);
}

// The bits from `first` to `last`, both included; none if last is less.
fn span(first: u32, last: u32) -> u32 {
    if first > last || first > 31u {
        return 0u;
    }
    return (0xffffffffu << first) & (0xffffffffu >> (31u - min(last, 31u)));
}

fn link_strip(index: u32) {
    let strip = strip_at(index);
    let side = params.window.side;
    let across = side / STRIP;
    let row = index / across;
    let place = index % across;
    let here = index * STRIP;
    let reach = reach_squared(row, place * STRIP);
    var width = MAX_REACH;
    // Cells that come later in the window, those of the own row first.
    for (var dy = 0u; dy * dy <= reach && row + dy < side; dy += 1u) {
        while width * width > reach - dy * dy {
            width -= 1u;
        }
        // The strips before, at and after this place: 16 cells each.
        let at = index + dy * across;
        var near = strip_at(at) << STRIP;
        if place > 0u {
            near |= strip_at(at - 1u);
        }
        var after = 0u;
        if place + 1u < across {
            after = strip_at(at + 1u);
        }
        if (near | after) == 0u {
            continue;
        }
        // Each run of cells in a strip counts by its first.
        let near_starts = near & ~((near << 1u) & ~(1u << STRIP));
        let after_starts = after & ~(after << 1u);
        let base = at * STRIP - STRIP;
        var runs = strip;
        while runs != 0u {
            let first = firstTrailingBit(runs);
            let end = first + firstTrailingBit(~(strip >> first));
            runs &= ~span(first, end - 1u);
            let from_bit = select(first + STRIP - width, end + STRIP, dy == 0u);
            let to_bit = end - 1u + STRIP + width;
            var found = near & span(from_bit, to_bit);
            found &= ~(found << 1u);
            while found != 0u {
                let bit = firstTrailingBit(found);
                found &= found - 1u;
                let start = firstLeadingBit(near_starts & span(0u, bit));
                join(here + first, base + start);
            }
            if to_bit > 31u {
                found = after & span(max(from_bit, 32u) - 32u, to_bit - 32u);
                found &= ~(found << 1u);
                while found != 0u {
                    let bit = firstTrailingBit(found);
                    found &= found - 1u;
                    let start = firstLeadingBit(after_starts & span(0u, bit));
                    join(here + first, base + 32u + start);
                }
            }
        }
    }
}

@compute @workgroup_size(64)
fn link(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    for (var i = share(group, local); i < atomicLoad(&tally.listed); i += SHARES) {
        link_strip(strips[i].listed);
    }
}

fn flatten_strip(index: u32) {
    let strip = strip_at(index);
    var runs = strip;
    var roots = 0u;
    while runs != 0u {
        let first = firstTrailingBit(runs);
        let end = first + firstTrailingBit(~(strip >> first));
        runs &= ~span(first, end - 1u);
        let start = index * STRIP + first;
        let top = root(start);
        // A root's own points are in its count already.
        var count = 0u;
        for (var i = first; i < end; i += 1u) {
            if index * STRIP + i != top {
                count += atomicLoad(&strips[index].counts[i]);
                atomicStore(&parents[index * STRIP + i], top);
            }
        }
        if count > 0u {
            atomicAdd(&strips[top / STRIP].counts[top % STRIP], count);
        }
        if top == start {
            roots |= 1u << first;
        }
    }
    strips[index].roots = roots;
}

@compute @workgroup_size(64)
fn flatten(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    for (var i = share(group, local); i < atomicLoad(&tally.listed); i += SHARES) {
        flatten_strip(strips[i].listed);
    }
}

fn choose_strip(index: u32) {
    var roots = strips[index].roots;
    while roots != 0u {
        let i = firstTrailingBit(roots);
        roots &= roots - 1u;
        if atomicLoad(&strips[index].counts[i]) < params.min_points {
            atomicStore(&strips[index].counts[i], UNLABELLED);
            continue;
        }
        let found = atomicAdd(&tally.found, 1u);
        if found < CAPACITY {
            tally.roots[found] = index * STRIP + i;
        }
    }
}

@compute @workgroup_size(64)
fn choose(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    for (var i = share(group, local); i < atomicLoad(&tally.listed); i += SHARES) {
        choose_strip(strips[i].listed);
    }
}

fn number_root(i: u32, found: u32) {
    let top = tally.roots[i];
    var cluster = 0u;
    for (var j = 0u; j < found; j += 1u) {
        cluster += select(0u, 1u, tally.roots[j] < top);
    }
    let count = &strips[top / STRIP].counts[top % STRIP];
    clusters[cluster].points = atomicLoad(count);
    atomicStore(count, FIRST + cluster);
    for (var k = 0u; k < 3u; k += 1u) {
        atomicStore(&clusters[cluster].min[k], 2147483647);
        atomicStore(&clusters[cluster].max[k], NONE);
    }
    atomicStore(&clusters[cluster].height, NONE);
}

@compute @workgroup_size(64)
fn number(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let found = atomicLoad(&tally.found);
    if found > CAPACITY {
        return;
    }
    for (var i = share(group, local); i < found; i += SHARES) {
        number_root(i, found);
    }
}

fn spread_strip(index: u32) {
    var left = strip_at(index);
    while left != 0u {
        let cell = index * STRIP + firstTrailingBit(left);
        left &= left - 1u;
        let top = atomicLoad(&parents[cell]);
        atomicStore(&parents[cell], atomicLoad(&strips[top / STRIP].counts[top % STRIP]));
    }
}

// Gives each cell the label of its root.
@compute @workgroup_size(64)
fn spread(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    for (var i = share(group, local); i < atomicLoad(&tally.listed); i += SHARES) {
        spread_strip(strips[i].listed);
    }
}

fn label_of(point: u32, height: i32) -> u32 {
    let cell = cells[point];
    let side = params.window.side;
    if cell >= side * side || height == NONE || height > params.clearance {
        return UNLABELLED;
    }
    if height <= params.tolerance {
        return GROUND;
    }
    return atomicLoad(&parents[cell]);
}

// Where a point of a cluster is.
fn place_of(point: u32, label: u32) -> vec3<i32> {
    if label < FIRST {
        return vec3<i32>(0);
    }
    return fused[point].xyz;
}

// The least of some of four values.
fn least(values: vec4<i32>, which: vec4<bool>) -> i32 {
    let v = select(vec4<i32>(2147483647), values, which);
    return min(min(v.x, v.y), min(v.z, v.w));
}

// The greatest of some of four values.
fn greatest(values: vec4<i32>, which: vec4<bool>) -> i32 {
    let v = select(vec4<i32>(NONE), values, which);
    return max(max(v.x, v.y), max(v.z, v.w));
}

// Widens the cluster of a label to hold some of four points.
fn widen(
    label: u32,
    which: vec4<bool>,
    x: vec4<i32>,
    y: vec4<i32>,
    z: vec4<i32>,
    height: vec4<i32>,
) {
    if label < FIRST {
        return;
    }
    // Few points widen a box: most need no atomic operation.
    let cluster = label - FIRST;
    let low_x = least(x, which);
    if low_x < atomicLoad(&clusters[cluster].min[0]) {
        atomicMin(&clusters[cluster].min[0], low_x);
    }
    let low_y = least(y, which);
    if low_y < atomicLoad(&clusters[cluster].min[1]) {
        atomicMin(&clusters[cluster].min[1], low_y);
    }
    let low_z = least(z, which);
    if low_z < atomicLoad(&clusters[cluster].min[2]) {
        atomicMin(&clusters[cluster].min[2], low_z);
    }
    let high_x = greatest(x, which);
    if high_x > atomicLoad(&clusters[cluster].max[0]) {
        atomicMax(&clusters[cluster].max[0], high_x);
    }
    let high_y = greatest(y, which);
    if high_y > atomicLoad(&clusters[cluster].max[1]) {
        atomicMax(&clusters[cluster].max[1], high_y);
    }
    let high_z = greatest(z, which);
    if high_z > atomicLoad(&clusters[cluster].max[2]) {
        atomicMax(&clusters[cluster].max[2], high_z);
    }
    let tall = greatest(height, which);
    if tall > atomicLoad(&clusters[cluster].height) {
        atomicMax(&clusters[cluster].height, tall);
    }
}

@compute @workgroup_size(256)
fn label(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = 4u * id.x;
    if i >= params.points || atomicLoad(&tally.found) > CAPACITY {
        return;
    }
    let height = vec4<i32>(heights[i], heights[i + 1u], heights[i + 2u], heights[i + 3u]);
    let found = vec4<u32>(
        label_of(i, height.x),
        label_of(i + 1u, height.y),
        label_of(i + 2u, height.z),
        label_of(i + 3u, height.w),
    );
    labels[id.x] = found;
    let a = place_of(i, found.x);
    let b = place_of(i + 1u, found.y);
    let c = place_of(i + 2u, found.z);
    let d = place_of(i + 3u, found.w);
    let x = vec4<i32>(a.x, b.x, c.x, d.x);
    let y = vec4<i32>(a.y, b.y, c.y, d.y);
    let z = vec4<i32>(a.z, b.z, c.z, d.z);
    let there = vec4<u32>(i, i + 1u, i + 2u, i + 3u) < vec4<u32>(params.points);
    var left = select(vec4<u32>(0u), found, there);
    // Points that follow each other are often of one cluster.
    loop {
        let top = max(max(left.x, left.y), max(left.z, left.w));
        let which = left == vec4<u32>(top);
        left = select(left, vec4<u32>(0u), which);
        widen(top, which, x, y, z, height);
        if all(left < vec4<u32>(FIRST)) {
            break;
        }
    }
}
