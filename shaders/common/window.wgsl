// The square of cells around the vehicle.

struct Window {
    // Cell coordinates of the least corner.
    origin: vec2<i32>,
    // Cells along a side, a power of two.
    side: u32,
    cell_mm: i32,
}

const NOWHERE = 0xffffffffu;

// `a / b` where that is less than 8192: an estimate in floating point, at most
// one off, is set right in integers.
fn quotient(a: vec2<i32>, b: i32) -> vec2<i32> {
    let estimate = vec2<i32>(vec2<f32>(a) * (1.0 / f32(b)));
    let rest = a - estimate * b;
    let zero = vec2<i32>(0);
    let one = vec2<i32>(1);
    return estimate - select(zero, one, rest < zero) + select(zero, one, rest >= vec2<i32>(b));
}

// Where in a grid the cell is that holds a place in odom, mm.
fn window_index(window: Window, place: vec2<i32>) -> u32 {
    let p = place - window.origin * window.cell_mm;
    if any(vec2<u32>(p) >= vec2<u32>(window.side * u32(window.cell_mm))) {
        return NOWHERE;
    }
    let cell = vec2<u32>(quotient(p, window.cell_mm));
    return cell.y * window.side + cell.x;
}
