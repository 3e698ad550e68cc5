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

// The structuring element is so many quads, of four cells in a line each.
const ELEMENT = 4;
// Quads of a line, or rows, that one invocation takes.
const STRETCH = 16;
// Blocks are compared with those so far away.
const AROUND = 2;
// A cell so much lower than all around it is an outlier, mm.
const PIT = 300;
// The most by which coarse cells side by side differ in interpolation, mm.
const STEEPEST = 65536;
const QUAD = vec4<i32>(0, 1, 2, 3);
const UNSEEN = 0x7fffffff;
const NONE = -0x7fffffff - 1;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> fused: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
// UNSEEN minus the lowest return of each coarse cell; zero if there is none.
@group(0) @binding(3) var<storage, read_write> lowest: array<atomic<u32>>;
// The same by quads.
@group(0) @binding(4) var<storage, read> depths: array<vec4<i32>>;
// What a step takes from the one before and what it gives, by cells and by
// quads.
@group(0) @binding(5) var<storage, read> given: array<i32>;
@group(0) @binding(6) var<storage, read> given_quads: array<vec4<i32>>;
@group(0) @binding(7) var<storage, read_write> made: array<i32>;
@group(0) @binding(8) var<storage, read_write> made_quads: array<vec4<i32>>;
// The greatest height at which each block of coarse cells has ground.
@group(0) @binding(9) var<storage, read> caps: array<i32>;

fn coarse_side() -> i32 {
    return i32(params.window.side >> params.shift);
}

// Rows of coarse cells are stored in whole quads.
fn row_quads() -> i32 {
    return (coarse_side() + 3) / 4;
}

// A return that can be ground: its coarse cell, and UNSEEN minus its height.
struct Return {
    cell: u32,
    depth: u32,
}

fn return_of(point: u32) -> Return {
    let cell = cells[point];
    let p = fused[point].xyz;
    let d = abs(p - params.base.xyz);
    let reach = params.slack + ((max(d.x, d.y) * params.slope) >> 10u);
    let row = cell >> (firstTrailingBit(params.window.side) + params.shift);
    let column = (cell & (params.window.side - 1u)) >> params.shift;
    let coarse = row * u32(4 * row_quads()) + column;
    let is_none = point >= params.points || cell == NOWHERE || d.z > reach;
    return Return(select(coarse, NOWHERE, is_none), u32(UNSEEN) - u32(p.z));
}

fn deepen(cell: u32, depth: u32) {
    if cell == NOWHERE {
        return;
    }
    // Most returns are not the lowest, and reading is cheap.
    if atomicLoad(&lowest[cell]) < depth {
        atomicMax(&lowest[cell], depth);
    }
}

// The lowest return of each coarse cell that ground can have.
@compute @workgroup_size(256)
fn gather(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = 4u * id.x;
    let a = return_of(i);
    let b = return_of(i + 1u);
    let c = return_of(i + 2u);
    let d = return_of(i + 3u);
    let deep = vec4<u32>(a.depth, b.depth, c.depth, d.depth);
    var left = vec4<u32>(a.cell, b.cell, c.cell, d.cell);
    // Points that follow each other are often in one cell.
    loop {
        let cell = min(min(left.x, left.y), min(left.z, left.w));
        let here = left == vec4<u32>(cell);
        let there = select(vec4<u32>(0u), deep, here);
        deepen(cell, max(max(there.x, there.y), max(there.z, there.w)));
        left = select(left, vec4<u32>(NOWHERE), here);
        if all(left == vec4<u32>(NOWHERE)) {
            break;
        }
    }
}

// The lowest returns of a quad; the ground plane where the vehicle stands and
// sees none.
fn seen(quad: i32, row: i32) -> vec4<i32> {
    let z = UNSEEN - depths[row * row_quads() + quad];
    let cell = params.window.cell_mm << params.shift;
    let corner = params.window.origin * params.window.cell_mm + (cell >> 1u) - params.base.xy;
    let columns = 4 * quad + QUAD;
    let x = corner.x + columns * cell;
    let y = corner.y + row * cell;
    let plane = params.base.z + ((x * params.rise.x + y * params.rise.y) >> vec4<u32>(10u));
    let stands = (abs(x) <= vec4<i32>(params.stance)) & (z > plane + params.step)
        & (columns < vec4<i32>(coarse_side()));
    return select(z, plane, stands & vec4<bool>(abs(y) <= params.stance));
}

// The least from each cell of a quad to its end.
fn least_from(q: vec4<i32>) -> vec4<i32> {
    let end = min(q.z, q.w);
    let most = min(q.y, end);
    return vec4<i32>(min(q.x, most), most, end, q.w);
}

// The least of a quad before each of its cells.
fn least_before(q: vec4<i32>) -> vec4<i32> {
    let two = min(q.x, q.y);
    return vec4<i32>(UNSEEN, q.x, two, min(two, q.z));
}

fn greatest(q: vec4<i32>) -> i32 {
    return max(max(q.x, q.y), max(q.z, q.w));
}

// The greatest up to each cell of a quad.
fn greatest_to(q: vec4<i32>) -> vec4<i32> {
    let two = max(q.x, q.y);
    let three = max(two, q.z);
    return vec4<i32>(q.x, two, three, max(three, q.w));
}

// The greatest of a quad after each of its cells.
fn greatest_after(q: vec4<i32>) -> vec4<i32> {
    let two = max(q.z, q.w);
    return vec4<i32>(max(q.y, two), two, q.w, NONE);
}

// The last quads of a line, from that which leaves the element on.
struct Trail {
    a: vec4<i32>,
    b: vec4<i32>,
    c: vec4<i32>,
    d: vec4<i32>,
}

fn trail_of(z: i32) -> Trail {
    return Trail(vec4<i32>(z), vec4<i32>(z), vec4<i32>(z), vec4<i32>(z));
}

// Takes the next quad of a line; gives the eroded one that begins the element.
// The trail holds what `least_from` makes of the quads.
fn erode(trail: ptr<function, Trail>, next: vec4<i32>) -> vec4<i32> {
    let t = *trail;
    *trail = Trail(t.b, t.c, t.d, least_from(next));
    let between = min(min(t.b.x, t.c.x), t.d.x);
    return min(min(t.a, vec4<i32>(between)), least_before(next));
}

// Takes the next quad of a line; gives it dilated. The trail holds the quads.
fn dilate(trail: ptr<function, Trail>, next: vec4<i32>) -> vec4<i32> {
    let t = *trail;
    *trail = Trail(t.b, t.c, t.d, next);
    let between = greatest(max(max(t.b, t.c), t.d));
    return max(max(greatest_after(t.a), vec4<i32>(between)), greatest_to(next));
}

// Lines are eroded and dilated as they are read, quad by quad. Beyond a line's
// ends nothing counts.

@compute @workgroup_size(64)
fn erode_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    let quads = row_quads();
    let stretches = (quads + STRETCH - 1) / STRETCH;
    let row = i32(id.x) / stretches;
    let first = (i32(id.x) % stretches) * STRETCH;
    if row >= coarse_side() {
        return;
    }
    var trail = trail_of(UNSEEN);
    for (var k = 0; k < STRETCH + ELEMENT; k += 1) {
        let quad = first + k;
        let next = select(vec4<i32>(UNSEEN), seen(quad, row), quad < quads);
        let eroded = erode(&trail, next);
        if k >= ELEMENT && quad - ELEMENT < quads {
            made_quads[row * quads + quad - ELEMENT] = eroded;
        }
    }
}

// Blocks have as many coarse cells along a side as the element.
fn blocks() -> i32 {
    return (coarse_side() + 4 * ELEMENT - 1) / (4 * ELEMENT);
}

// The least of each block, from rows that were eroded: the first cell of a
// block's row has the least of all.
@compute @workgroup_size(64)
fn find_minima(@builtin(global_invocation_id) id: vec3<u32>) {
    let pitch = 4 * row_quads();
    let row = 4 * ELEMENT * (i32(id.x) / blocks());
    let column = 4 * ELEMENT * (i32(id.x) % blocks());
    var least = UNSEEN;
    for (var k = 0; k < 4 * ELEMENT; k += 1) {
        let z = given[(row + k) * pitch + column];
        least = min(least, select(UNSEEN, z, row + k < coarse_side()));
    }
    if i32(id.x) < blocks() * blocks() {
        made[id.x] = least;
    }
}

// The greatest height at which each block has ground: what a road can rise
// from the lowest around it, but in any case that of the vehicle's plane.
@compute @workgroup_size(64)
fn find_caps(@builtin(global_invocation_id) id: vec3<u32>) {
    let at = vec2<i32>(i32(id.x) % blocks(), i32(id.x) / blocks());
    let cell = params.window.cell_mm << params.shift;
    let length = 4 * ELEMENT * cell;
    var least = UNSEEN;
    for (var row = -AROUND; row <= AROUND; row += 1) {
        for (var column = -AROUND; column <= AROUND; column += 1) {
            let other = at + vec2<i32>(column, row);
            let inside = all(vec2<u32>(other) < vec2<u32>(u32(blocks())));
            let z = given[other.y * blocks() + other.x];
            let away = max(abs(row), abs(column));
            let reach = z + (((away + 1) * length * params.slope) >> 10u);
            least = min(least, select(UNSEEN, reach, inside && z != UNSEEN));
        }
    }
    let middle = ((2 * at + 1) * length) >> vec2<u32>(1u);
    let d = params.window.origin * params.window.cell_mm + middle - params.base.xy;
    let rises = ((d >> vec2<u32>(5u)) * params.rise) >> vec2<u32>(5u);
    let plane = params.base.z + rises.x + rises.y;
    if i32(id.x) < blocks() * blocks() {
        made[id.x] = max(least, plane + params.slack);
    }
}

// Erodes columns, takes away what is higher than ground can be, and dilates
// them; here quads go along y.
@compute @workgroup_size(64)
fn open_columns(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = coarse_side();
    let quads = row_quads();
    let pitch = 4 * quads;
    let column = i32(id.x) % side;
    let first = (i32(id.x) / side) * STRETCH;
    if first >= quads {
        return;
    }
    var eroding = trail_of(UNSEEN);
    var dilating = trail_of(NONE);
    for (var k = -ELEMENT; k < STRETCH + ELEMENT; k += 1) {
        let quad = first + k;
        let i = 4 * quad * pitch + column;
        var next = vec4<i32>(given[i], given[i + pitch], given[i + 2 * pitch], given[i + 3 * pitch]);
        let rows = 4 * quad + QUAD;
        next = select(next, vec4<i32>(UNSEEN), vec4<u32>(rows) >= vec4<u32>(u32(side)));
        let eroded = erode(&eroding, next);
        let block = max(quad - ELEMENT, 0) / ELEMENT * blocks() + column / (4 * ELEMENT);
        // From here on the greatest counts.
        let nothing = (eroded > vec4<i32>(caps[block])) | (eroded == vec4<i32>(UNSEEN))
            | vec4<bool>(quad < ELEMENT);
        let opened = dilate(&dilating, select(eroded, vec4<i32>(NONE), nothing));
        if k >= ELEMENT && quad - ELEMENT < quads {
            let i = 4 * (quad - ELEMENT) * pitch + column;
            made[i] = opened.x;
            made[i + pitch] = opened.y;
            made[i + 2 * pitch] = opened.z;
            made[i + 3 * pitch] = opened.w;
        }
    }
}

// Opened cells: the lowest return where it is ground, else the opening.
@compute @workgroup_size(64)
fn dilate_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    let quads = row_quads();
    let stretches = (quads + STRETCH - 1) / STRETCH;
    let row = i32(id.x) / stretches;
    let first = (i32(id.x) % stretches) * STRETCH;
    if row >= coarse_side() {
        return;
    }
    var trail = trail_of(NONE);
    for (var k = -ELEMENT; k < STRETCH; k += 1) {
        let quad = first + k;
        let next = select(vec4<i32>(NONE), given_quads[row * quads + quad], quad >= 0);
        let opened = dilate(&trail, next);
        let z = seen(quad, row);
        // UNSEEN minus anything but NONE is more than any step.
        let is_ground = (opened != vec4<i32>(NONE)) & (z - opened <= vec4<i32>(params.step))
            & (z != vec4<i32>(UNSEEN));
        if k >= 0 && quad < quads {
            made_quads[row * quads + quad] = select(opened, z, is_ground);
        }
    }
}

// A quad, and the cells to the west and to the east of each of its own.
struct Row {
    west: vec4<i32>,
    own: vec4<i32>,
    east: vec4<i32>,
}

fn opened(quad: i32, row: i32) -> Row {
    let quads = row_quads();
    let side = coarse_side();
    let at = row * quads + quad;
    let outside = row < 0 || row >= side;
    let columns_outside = 4 * quad + QUAD >= vec4<i32>(side);
    let own = select(given_quads[at], vec4<i32>(NONE), columns_outside | vec4<bool>(outside));
    let west = select(given[4 * at - 1], NONE, outside || quad == 0);
    let east = select(given[4 * at + 4], NONE, outside || quad + 1 == quads);
    return Row(vec4<i32>(west, own.xyz), own, vec4<i32>(own.yzw, east));
}

// `q`, or `z` where that is nothing.
fn filled(q: vec4<i32>, z: vec4<i32>) -> vec4<i32> {
    return select(q, z, q == vec4<i32>(NONE));
}

fn least_of(row: Row) -> vec4<i32> {
    let unseen = vec4<i32>(UNSEEN);
    let beside = min(filled(row.west, unseen), filled(row.east, unseen));
    return min(beside, filled(row.own, unseen));
}

fn limited(d: vec4<i32>) -> vec4<i32> {
    return clamp(d, vec4<i32>(-params.smoothing), vec4<i32>(params.smoothing));
}

// Evens out the coarse ground, and raises it from the cells' lowest places to
// their middles.
@compute @workgroup_size(64)
fn smooth_cells(@builtin(global_invocation_id) id: vec3<u32>) {
    let quads = row_quads();
    let quad = i32(id.x) % quads;
    let first = (i32(id.x) / quads) * STRETCH;
    if first >= coarse_side() {
        return;
    }
    let unseen = vec4<i32>(UNSEEN);
    var below = opened(quad, first - 1);
    var own = opened(quad, first);
    for (var row = first; row < first + STRETCH; row += 1) {
        let above = opened(quad, row + 1);
        let beside = min(filled(own.west, unseen), filled(own.east, unseen));
        let least = min(min(least_of(below), least_of(above)), beside);
        let is_pit = (least != unseen) & (own.own < least - PIT);
        let z = select(own.own, least, is_pit);
        let west = filled(own.west, z);
        let east = filled(own.east, z);
        let south = filled(below.own, z);
        let north = filled(above.own, z);
        let sum = limited(west - z) + limited(east - z) + limited(south - z) + limited(north - z)
            + limited(filled(below.west, z) - z) + limited(filled(below.east, z) - z)
            + limited(filled(above.west, z) - z) + limited(filled(above.east, z) - z);
        let most = vec4<i32>(2 * params.smoothing);
        let tilt = min(abs(east - west), most) + min(abs(north - south), most);
        let even = z + ((sum * 7282 + 32768) >> vec4<u32>(16u)) + (tilt >> vec4<u32>(3u));
        if row < coarse_side() {
            let is_none = own.own == vec4<i32>(NONE);
            made_quads[row * quads + quad] = select(even, vec4<i32>(NONE), is_none);
        }
        below = own;
        own = above;
    }
}

// For each of four cells of the window side by side, the smoothed ground of
// the coarse cell that it is in, and of the one beside that which is nearer.
struct Pair {
    own: vec4<i32>,
    beside: vec4<i32>,
}

fn smoothed(quad: i32, row: i32) -> Pair {
    let side = coarse_side();
    // The coarse cell to the west of the first, unless each is one of its own.
    let west = ((4 * quad) >> params.shift) - select(1, 0, params.shift == 0u);
    let at = 4 * row * row_quads() + west;
    let columns = west + QUAD;
    let outside = (vec4<u32>(columns) >= vec4<u32>(u32(side))) | vec4<bool>(u32(row) >= u32(side));
    let there = vec4<i32>(given[at], given[at + 1], given[at + 2], given[at + 3]);
    let q = select(there, vec4<i32>(NONE), outside);
    switch params.shift {
        case 0u: {
            return Pair(q, q);
        }
        case 1u: {
            return Pair(q.yyzz, q.xzyw);
        }
        case 2u: {
            return Pair(q.yyyy, q.xxzz);
        }
        default: {
            let half = (4 * quad) & (1i << (params.shift - 1u));
            return Pair(q.yyyy, select(q.xxxx, q.zzzz, half != 0));
        }
    }
}

// How much higher the smoothed ground of coarse cells is than `z`; nothing
// where they have none.
fn over(q: vec4<i32>, z: vec4<i32>) -> vec4<i32> {
    let d = clamp(q - z, vec4<i32>(-STEEPEST), vec4<i32>(STEEPEST));
    return select(d, vec4<i32>(0), q == vec4<i32>(NONE));
}

// The ground of the window's cells, bilinear between the middles of coarse
// ones.
@compute @workgroup_size(64)
fn interpolate(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = coarse_side();
    let quads = i32(params.window.side) / 4;
    let quad = i32(id.x) % quads;
    let first = (i32(id.x) / quads) * STRETCH;
    if first >= side {
        return;
    }
    let part = 1i << params.shift;
    let bits = 2u * params.shift + 2u;
    // From the middle of the coarse cell, in halves of a cell.
    let a = abs(2 * ((4 * quad + QUAD) & vec4<i32>(part - 1)) + 1 - part);
    var below = smoothed(quad, first - 1);
    var own = smoothed(quad, first);
    for (var row = first; row < first + STRETCH; row += 1) {
        let above = smoothed(quad, row + 1);
        let z = own.own;
        let along = a * over(own.beside, z);
        let south = (2 * part - a) * over(below.own, z) + a * over(below.beside, z);
        let north = (2 * part - a) * over(above.own, z) + a * over(above.beside, z);
        var j = 0;
        loop {
            let v = 2 * j + 1 - part;
            let b = abs(v);
            let sum = (2 * part - b) * along + b * select(south, north, v > 0);
            let ground = z + ((sum + (1i << (bits - 1u))) >> vec4<u32>(bits));
            if row < side {
                let at = (row * part + j) * quads + quad;
                made_quads[at] = select(ground, vec4<i32>(NONE), z == vec4<i32>(NONE));
            }
            j += 1;
            if j == part {
                break;
            }
        }
        below = own;
        own = above;
    }
}

fn height(point: u32) -> i32 {
    let cell = cells[point];
    let z = select(given[cell], NONE, cell == NOWHERE);
    return select(fused[point].z - z, NONE, z == NONE);
}

// The heights of four returns over the ground of their cells.
@compute @workgroup_size(256)
fn measure(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = 4u * id.x;
    if i < params.points {
        made_quads[id.x] =
            vec4<i32>(height(i), height(i + 1u), height(i + 2u), height(i + 3u));
    }
}
