//! The shapes of things, each in its own frame: x ahead, y left, z up from
//! the ground in its middle.

use super::material::{Material, Surface};
use super::solid::{Along, DODECAGON, OCTAGON, Solid};

const GLASS: Material = Material::new(Surface::Plain, [44, 54, 62]);
const RUBBER: Material = Material::new(Surface::Wheel, [30, 30, 32]);
const DARK: Material = Material::new(Surface::Plain, [34, 35, 38]);
const STEEL: Material = Material::new(Surface::Plain, [120, 126, 130]);

/// Length, width and height of the vehicle that carries the sensors, m; it
/// is the same either way round.
pub(super) const EGO: [f64; 3] = [3.6, 1.8, 2.6];

pub(super) const CAR: [f64; 3] = [4.3, 1.8, 1.5];
pub(super) const VAN: [f64; 3] = [5.4, 2.0, 2.4];
pub(super) const BICYCLE: [f64; 3] = [1.8, 0.7, 1.85];
pub(super) const PEDESTRIAN: [f64; 3] = [0.9, 0.7, 1.8];

/// A car's windows: where they begin and end along it at their foot and at
/// the roof, in lengths; half their width there, in widths; and the heights
/// of foot and roof, in heights.
pub(super) const WINDOWS: [[f64; 2]; 4] = [[-0.45, 0.23], [-0.33, 0.07], [0.47, 0.38], [0.60, 1.0]];

/// A wheel of a radius about an axle along y.
fn wheel([x, y]: [f64; 2], radius: f64, width: f64, material: Material) -> Solid {
    let rim = DODECAGON.map(|[a, b]| [x + radius * a, radius + radius * b]);
    let sides = [y - width / 2.0, y + width / 2.0];
    Solid::prism(&rim, Along::Y, sides, DARK, material)
}

fn wheels([length, width, _]: [f64; 3], radius: f64) -> impl Iterator<Item = Solid> {
    let places = [-1.0, 1.0].map(|a| [-1.0, 1.0].map(|b| [a, b]));
    places.into_iter().flatten().map(move |[a, b]| {
        let at = [a * 0.305 * length, b * (width / 2.0 - 0.11)];
        wheel(at, radius, 0.22, RUBBER)
    })
}

pub(super) fn car(size: [f64; 3], colour: [u8; 3]) -> Vec<Solid> {
    let [l, w, h] = size;
    let body = Material::new(Surface::Bodywork, colour);
    let cabin = Material::new(Surface::Glasshouse, colour);
    let profile = [
        [-0.5, 0.16],
        [0.5, 0.16],
        [0.5, 0.40],
        [0.465, 0.49],
        [0.22, 0.61],
        [-0.46, 0.64],
        [-0.5, 0.55],
    ]
    .map(|[x, z]| [x * l, z * h]);
    let half = w / 2.0 - 0.01;
    let [foot, roof, [low, high], heights] = WINDOWS;
    let across = |half: f64| [-half * w, half * w];
    let mut solids: Vec<Solid> = wheels(size, 0.31).collect();
    solids.push(Solid::prism(&profile, Along::Y, [-half, half], body, body));
    solids.push(Solid::frustum(
        [foot.map(|x| x * l), across(low)],
        [roof.map(|x| x * l), across(high)],
        heights.map(|z| z * h),
        [cabin; 6],
    ));
    solids
}

pub(super) fn van(size: [f64; 3], colour: [u8; 3]) -> Vec<Solid> {
    let [l, w, h] = size;
    let body = Material::new(Surface::Van, colour);
    let profile = [
        [-0.5, 0.13],
        [0.5, 0.13],
        [0.5, 0.42],
        [0.37, 0.93],
        [0.31, 1.0],
        [-0.49, 1.0],
        [-0.5, 0.97],
    ]
    .map(|[x, z]| [x * l, z * h]);
    let half = w / 2.0 - 0.01;
    let mut solids: Vec<Solid> = wheels(size, 0.34).collect();
    solids.push(Solid::prism(&profile, Along::Y, [-half, half], body, body));
    solids
}

/// Somebody on foot, at a part of a stride from 0 to 1.
pub(super) fn pedestrian(stride: f64, coat: [u8; 3], trousers: [u8; 3]) -> Vec<Solid> {
    let swing = swing(stride) * 0.28;
    let cloth = Material::new(Surface::Cloth, coat);
    let legs = Material::new(Surface::Cloth, trousers);
    let mut solids = Vec::new();
    for (y, swing) in [(0.1, swing), (-0.1, -swing)] {
        let thigh = [[-0.09, 0.09], [y - 0.085, y + 0.085]];
        let ankle = [[swing - 0.06, swing + 0.06], [y - 0.055, y + 0.055]];
        solids.push(Solid::frustum(ankle, thigh, [0.07, 0.88], [legs; 6]));
        let shoe = [swing - 0.09, y - 0.055, 0.0];
        solids.push(Solid::cuboid(shoe, [swing + 0.17, y + 0.055, 0.08], DARK));
        // The arm swings against the leg.
        let y = y * 2.45;
        let shoulder = [[-0.06, 0.06], [y - 0.055, y + 0.055]];
        let hand = [[-swing - 0.045, 0.045 - swing], [y - 0.045, y + 0.045]];
        solids.push(Solid::frustum(hand, shoulder, [0.80, 1.46], [cloth; 6]));
    }
    let hips = [[-0.12, 0.12], [-0.18, 0.18]];
    let chest = [[-0.13, 0.13], [-0.22, 0.22]];
    let collar = [[-0.08, 0.08], [-0.13, 0.13]];
    solids.push(Solid::frustum(hips, chest, [0.84, 1.38], [cloth; 6]));
    solids.push(Solid::frustum(chest, collar, [1.38, 1.5], [cloth; 6]));
    solids.extend(head([0.0, 0.0, 1.635]));
    solids
}

fn head(centre: [f64; 3]) -> Vec<Solid> {
    let skin = Material::new(Surface::Head, [208, 164, 136]);
    Solid::ball(centre, [0.105, 0.085, 0.145], skin)
}

/// A triangle wave from −1 to 1.
fn swing(stride: f64) -> f64 {
    4.0 * (stride - 0.5).abs() - 1.0
}

/// A bicycle and its rider, at a part of a turn of the pedals from 0 to 1.
pub(super) fn bicycle(turn: f64, coat: [u8; 3], trousers: [u8; 3]) -> Vec<Solid> {
    let spokes = Material::new(Surface::Spokes, [40, 40, 42]);
    let frame = Material::new(Surface::Plain, [150, 40, 36]);
    let cloth = Material::new(Surface::Cloth, coat);
    let legs = Material::new(Surface::Cloth, trousers);
    let mut solids = vec![
        wheel([-0.53, 0.0], 0.34, 0.05, spokes),
        wheel([0.53, 0.0], 0.34, 0.05, spokes),
        Solid::rod([0.53, 0.0, 0.34], [0.42, 0.0, 1.0], 0.045, frame),
        Solid::rod([-0.05, 0.0, 0.30], [0.44, 0.0, 0.80], 0.045, frame),
        Solid::rod([-0.05, 0.0, 0.30], [-0.2, 0.0, 0.9], 0.045, frame),
        Solid::rod([-0.53, 0.0, 0.34], [-0.14, 0.0, 0.62], 0.035, frame),
        Solid::cuboid([-0.32, -0.07, 0.9], [-0.05, 0.07, 0.96], DARK),
        Solid::cuboid([0.36, -0.28, 1.0], [0.44, 0.28, 1.04], DARK),
    ];
    let swing = swing(turn) * 0.15;
    for (y, rise) in [(0.11, swing), (-0.11, -swing)] {
        let hip = [[-0.24, -0.06], [y - 0.08, y + 0.08]];
        let knee = [[0.1, 0.24], [y - 0.07, y + 0.07]];
        let ankle = [[-0.03, 0.09], [y - 0.05, y + 0.05]];
        let (pedal, bend) = (0.28 + rise, 0.68 + rise * 0.8);
        solids.push(Solid::frustum(knee, hip, [bend, 1.02], [legs; 6]));
        solids.push(Solid::frustum(ankle, knee, [pedal, bend + 0.08], [legs; 6]));
        let shoe = [-0.06, y - 0.05, pedal - 0.07];
        solids.push(Solid::cuboid(shoe, [0.18, y + 0.05, pedal], DARK));
        let y = y * 1.9;
        let shoulder = [[0.14, 0.24], [y - 0.05, y + 0.05]];
        let hand = [[0.37, 0.45], [y - 0.045, y + 0.045]];
        solids.push(Solid::frustum(hand, shoulder, [1.03, 1.47], [cloth; 6]));
    }
    let hips = [[-0.27, -0.03], [-0.17, 0.17]];
    let chest = [[0.05, 0.28], [-0.21, 0.21]];
    solids.push(Solid::frustum(hips, chest, [0.94, 1.5], [cloth; 6]));
    solids.extend(head([0.25, 0.0, 1.66]));
    solids
}

/// The vehicle that carries the sensors.
pub(super) fn ego() -> Vec<Solid> {
    let [l, w, h] = EGO;
    let white = Material::new(Surface::Plain, [225, 228, 230]);
    let mut solids: Vec<Solid> = [-1.0, 1.0]
        .into_iter()
        .flat_map(|a| [-1.0, 1.0].map(|b| wheel([a * 1.2, b * 0.78], 0.34, 0.22, RUBBER)))
        .collect();
    let plan = |inset: f64| {
        let (x, y) = (l / 2.0 - inset, w / 2.0 - inset);
        [[-x, x], [-y, y]]
    };
    let layers = [
        (0.0, 0.0, 0.25, 1.0, white),
        (0.0, 0.04, 1.0, 2.2, GLASS),
        (0.04, 0.12, 2.2, h, white),
    ];
    for (low, high, bottom, top, material) in layers {
        let layer = Solid::frustum(plan(low), plan(high), [bottom, top], [material; 6]);
        solids.push(layer);
    }
    solids
}

/// A house of a length along x, a depth and a height, founded below the
/// ground.
pub(super) fn house([l, w, h]: [f64; 3], wall: Material) -> Vec<Solid> {
    let roof = Material::new(Surface::Plain, [112, 70, 58]);
    let plan = |out: f64| {
        let (x, y) = (l / 2.0 + out, w / 2.0 + out);
        [[-x, x], [-y, y]]
    };
    let ridge = [[-l / 2.0, l / 2.0], [-w / 8.0, w / 8.0]];
    let mut walls = [wall; 6];
    walls[5] = roof;
    vec![
        Solid::frustum(plan(0.0), plan(0.0), [-3.0, h], walls),
        Solid::frustum(plan(0.12), ridge, [h, h + w * 0.3], [roof; 6]),
    ]
}

/// A tree of a height, whose crown begins above the vehicle.
pub(super) fn tree(height: f64, leaves: [u8; 3]) -> Vec<Solid> {
    let bark = Material::new(Surface::Bark, [92, 74, 56]);
    let leaves = Material::new(Surface::Leaves, leaves);
    let trunk = OCTAGON.map(|[x, y]| [x * 0.16, y * 0.16]);
    let crown = height - 2.7;
    let radius = crown * 0.42;
    let mut solids = vec![Solid::prism(
        &trunk,
        Along::Z,
        [-0.5, 2.7 + crown * 0.3],
        bark,
        bark,
    )];
    for (x, y, z, part) in [
        (0.0, 0.0, 0.5, 1.0),
        (0.5, 0.3, 0.36, 0.7),
        (-0.4, -0.5, 0.4, 0.75),
    ] {
        let centre = [x * radius, y * radius, 2.7 + crown * z];
        let r = radius * part;
        solids.extend(Solid::ball(
            centre,
            [r, r, crown * 0.5 * part * part],
            leaves,
        ));
    }
    solids
}

/// A lamp post whose arm reaches ahead.
pub(super) fn lamp() -> Vec<Solid> {
    let post = OCTAGON.map(|[x, y]| [x * 0.07, y * 0.07]);
    let bulb = Material::new(Surface::Plain, [240, 236, 210]);
    vec![
        Solid::prism(&post, Along::Z, [-0.3, 6.0], STEEL, STEEL),
        Solid::cuboid([-0.05, -0.05, 5.9], [1.4, 0.05, 6.0], STEEL),
        Solid::cuboid([0.9, -0.12, 5.78], [1.5, 0.12, 5.9], bulb),
    ]
}

pub(super) fn post() -> Vec<Solid> {
    let ring = OCTAGON.map(|[x, y]| [x * 0.08, y * 0.08]);
    let white = Material::new(Surface::Plain, [220, 220, 216]);
    vec![
        Solid::prism(&ring, Along::Z, [-0.2, 0.75], DARK, DARK),
        Solid::prism(&ring, Along::Z, [0.75, 0.95], white, white),
    ]
}

pub(super) fn bin(colour: [u8; 3]) -> Vec<Solid> {
    let plastic = Material::new(Surface::Plain, colour);
    let floor = [[-0.24, 0.24], [-0.25, 0.25]];
    let rim = [[-0.33, 0.33], [-0.29, 0.29]];
    vec![
        Solid::frustum(floor, rim, [0.0, 0.98], [plastic; 6]),
        Solid::cuboid([-0.35, -0.3, 0.98], [0.35, 0.3, 1.06], DARK),
    ]
}

pub(super) fn crate_of(size: f64) -> Vec<Solid> {
    let boards = Material::new(Surface::Boards, [178, 136, 86]);
    let h = size / 2.0;
    vec![Solid::cuboid([-h, -h, 0.0], [h, h, size], boards)]
}

/// A wall of a length along x, a thickness and a height.
pub(super) fn wall([l, w, h]: [f64; 3]) -> Vec<Solid> {
    let stone = Material::new(Surface::Masonry, [164, 152, 138]);
    let (x, y) = (l / 2.0, w / 2.0);
    vec![Solid::cuboid([-x, -y, -3.0], [x, y, h], stone)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_convex_in_its_parts_and_fits_its_box() {
        let grey = [128; 3];
        let wall = Material::new(Surface::Brick, grey);
        let open = [99.0; 3];
        let mut models = vec![
            (car(CAR, grey), CAR),
            (van(VAN, grey), VAN),
            (ego(), EGO),
            (house([9.0, 8.0, 6.0], wall), open),
            (tree(7.0, grey), open),
            (lamp(), open),
            (post(), open),
            (bin(grey), open),
            (crate_of(0.6), open),
        ];
        for part in 0..12 {
            let part = f64::from(part) / 12.0;
            models.push((pedestrian(part, grey, grey), PEDESTRIAN));
            models.push((bicycle(part, grey, grey), BICYCLE));
        }
        for (solids, [length, width, height]) in models {
            for solid in solids {
                for corner in &solid.corners {
                    assert!(solid.distance(*corner) < 1e-9, "not convex at {corner}");
                    assert!(corner.x.abs() <= length / 2.0 + 1e-9, "{corner}");
                    assert!(corner.y.abs() <= width / 2.0 + 1e-9, "{corner}");
                    assert!(corner.z <= height + 1e-9, "{corner}");
                }
            }
        }
    }
}
