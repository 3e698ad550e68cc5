//! The patterns of surfaces.

use super::marks::Marks;
use super::material::{Material, Surface};
use super::model::WINDOWS;

type Rgb = [f32; 3];

const GLASS: Rgb = [46.0, 58.0, 68.0];
const BLACK: Rgb = [22.0, 22.0, 24.0];
const PAINT: Rgb = [226.0, 226.0, 220.0];
const MORTAR: Rgb = [188.0, 180.0, 168.0];

/// A place on a surface.
pub(super) struct Spot {
    pub(super) material: Material,
    /// In the frame of its thing, m.
    pub(super) at: [f32; 3],
    /// Likewise.
    pub(super) normal: [f32; 3],
    /// Length, width and height of its thing, m.
    pub(super) size: [f32; 3],
    /// From the camera, m: patterns finer than a pixel fade.
    pub(super) range: f32,
}

/// Its colour in even light, 0 to 255.
pub(super) fn colour(spot: &Spot, marks: &Marks) -> Rgb {
    let [x, y, z] = spot.at;
    let base = spot.material.colour.map(f32::from);
    match spot.material.surface {
        Surface::Asphalt => {
            if marks.at([x, y]) {
                let worn = spot.fade(6.0) * speckle(x * 9.0, y * 9.0);
                return grey(PAINT, 1.0 - 0.25 * worn);
            }
            let fine = spot.fade(5.0) * (speckle(x * 25.0, y * 25.0) - 0.5);
            let coarse = speckle(x * 0.7, y * 0.7) - 0.5;
            grey(base, 1.0 + 0.3 * fine + 0.08 * coarse)
        }
        Surface::Paving => {
            let [i, j] = [x / 0.6, y / 0.6];
            let gap = part(i).min(part(j)) < 0.04;
            let slab = speckle(i, j) - 0.5;
            let gap = if gap { 0.3 * spot.fade(12.0) } else { 0.0 };
            grey(base, 1.0 + 0.12 * slab - gap)
        }
        Surface::Grass => {
            let fine = spot.fade(9.0) * (speckle(x * 14.0, y * 14.0) - 0.5);
            grey(base, 1.0 + 0.5 * fine + 0.15 * (speckle(x, y) - 0.5))
        }
        Surface::Kerb => {
            let joint = part(x + y) < 0.03;
            grey(base, if joint { 0.75 } else { 1.0 })
        }
        Surface::Brick | Surface::Plaster => facade(spot, base),
        Surface::Masonry => bricks(spot, base),
        Surface::Boards => {
            let board = part(z / 0.14) < 0.1;
            grey(base, if board { 0.55 } else { 1.0 })
        }
        Surface::Bodywork => bodywork(spot, base),
        Surface::Glasshouse => glasshouse(spot, base),
        Surface::Van => van(spot, base),
        Surface::Wheel => {
            let [fx, radius] = nearest_wheel(spot, [0.305 * spot.size[0], 0.31]);
            let off = (fx * fx + (z - radius) * (z - radius)).sqrt();
            let rim = spot.normal[1].abs() > 0.5 && off < 0.2;
            if rim { [150.0, 152.0, 156.0] } else { base }
        }
        Surface::Spokes => {
            let fx = x.abs() - 0.53;
            let off = (fx * fx + (z - 0.34) * (z - 0.34)).sqrt();
            let tyre = spot.normal[1].abs() < 0.5 || off > 0.29;
            // What shines between the spokes, seen from afar.
            if tyre { base } else { [128.0, 128.0, 126.0] }
        }
        Surface::Head => {
            let hair = spot.normal[2] > 0.45 || spot.normal[0] < 0.3;
            if hair { [52.0, 40.0, 32.0] } else { base }
        }
        Surface::Cloth => {
            let fold = spot.fade(8.0) * (speckle(x * 30.0 + y * 20.0, z * 8.0) - 0.5);
            grey(base, 1.0 + 0.15 * fold)
        }
        Surface::Leaves => {
            let leaf = speckle(x * 7.0 + z * 3.0, y * 7.0 - z * 5.0) - 0.5;
            grey(base, 1.0 + 0.7 * leaf * spot.fade(30.0))
        }
        Surface::Bark => grey(base, 0.8 + 0.4 * speckle(x * 30.0 + y * 30.0, z * 2.0)),
        Surface::Plain | Surface::Hidden => base,
    }
}

impl Spot {
    /// How much of a pattern is seen that fades beyond a range.
    fn fade(&self, beyond: f32) -> f32 {
        let near = beyond / self.range;
        near.min(1.0)
    }
}

/// A house's wall: bricks or plaster, windows, and doors on the ground.
fn facade(spot: &Spot, base: Rgb) -> Rgb {
    let [x, y, z] = spot.at;
    let u = if spot.normal[0].abs() > 0.5 { y } else { x } + 100.0;
    let bay = u / 2.8;
    let [across, up] = [part(bay) * 2.8, part(z / 3.0) * 3.0];
    let storey = whole(z / 3.0);
    if storey == 0 && whole(bay) % 4 == 1 && (0.8..1.85).contains(&across) && up < 2.15 {
        let panel = (0.95..1.7).contains(&across) && (0.3..1.9).contains(&up);
        return if panel {
            [92.0, 60.0, 44.0]
        } else {
            [70.0, 46.0, 34.0]
        };
    }
    if (0.7..2.1).contains(&across) && (0.85..2.35).contains(&up) && z > 0.0 {
        let bar = (across - 1.4).abs() < 0.04 || (up - 1.7).abs() < 0.03;
        let frame = !(0.78..2.02).contains(&across) || !(0.93..2.27).contains(&up);
        if bar || frame {
            return [222.0, 222.0, 218.0];
        }
        let curtain = speckle(bay, z / 3.0);
        return grey(GLASS, 0.7 + 0.8 * curtain + 0.3 * (up - 0.85));
    }
    if (0.65..2.15).contains(&across) && (0.75..0.85).contains(&up) {
        return grey(base, 1.15);
    }
    if spot.material.surface == Surface::Plaster {
        let stain = speckle(u * 1.3, z * 0.9) - 0.5;
        return grey(base, 1.0 + 0.05 * stain);
    }
    bricks(spot, base)
}

fn bricks(spot: &Spot, base: Rgb) -> Rgb {
    let [x, y, z] = spot.at;
    let u = if spot.normal[0].abs() > 0.5 { y } else { x };
    let row = z / 0.16;
    let along = u / 0.42 + if whole(row) % 2 == 0 { 0.0 } else { 0.5 };
    let joint = part(row) < 0.13 || part(along) < 0.05;
    let fade = spot.fade(9.0);
    if joint {
        return mix(grey(base, 1.0), MORTAR, fade);
    }
    grey(base, 1.0 + 0.25 * fade * (speckle(along, row) - 0.5))
}

/// Of four wheels, how far along the nearest axle is, and the radius.
fn nearest_wheel(spot: &Spot, [axle, radius]: [f32; 2]) -> [f32; 2] {
    [spot.at[0].abs() - axle, radius]
}

fn bodywork(spot: &Spot, base: Rgb) -> Rgb {
    let [x, y, z] = spot.at;
    let [length, width, height] = spot.size;
    let [nx, ny, nz] = spot.normal;
    let (y, z) = (y.abs() / width, z / height);
    if z < 0.24 {
        return BLACK;
    }
    if ny.abs() > 0.5 {
        let [fx, radius] = nearest_wheel(spot, [0.305 * length, 0.31]);
        let dz = z * height - radius;
        if fx * fx + dz * dz < 0.38 * 0.38 {
            return BLACK;
        }
        let x = x / length;
        let seam = [-0.24, -0.02, 0.19].iter().any(|at| (x - at).abs() < 0.004);
        if seam {
            return grey(base, 0.45);
        }
        let handle =
            (z - 0.56).abs() < 0.012 && ((x - 0.02).abs() < 0.02 || (x + 0.2).abs() < 0.02);
        if handle {
            return grey(base, 0.5);
        }
        // A rear lamp wraps around the corner.
        if x < -0.47 && (0.48..0.58).contains(&z) {
            return [170.0, 20.0, 22.0];
        }
        return grey(base, if z > 0.5 { 1.06 } else { 0.94 });
    }
    if nx > 0.4 && nz < 0.7 {
        if y > 0.29 && y < 0.46 && z > 0.36 {
            return [244.0, 244.0, 236.0];
        }
        if y < 0.15 && (0.27..0.35).contains(&z) {
            return [238.0, 238.0, 232.0];
        }
        if y < 0.27 && z > 0.25 {
            return BLACK;
        }
    }
    if nx < -0.4 {
        if y > 0.32 && (0.46..0.60).contains(&z) {
            return [190.0, 22.0, 24.0];
        }
        if y < 0.15 && (0.42..0.50).contains(&z) {
            return [238.0, 238.0, 232.0];
        }
        if (0.38..0.395).contains(&z) {
            return grey(base, 0.5);
        }
    }
    base
}

fn glasshouse(spot: &Spot, base: Rgb) -> Rgb {
    let [x, y, z] = spot.at;
    let [length, width, height] = spot.size;
    let [foot, roof, across, heights] = WINDOWS.map(|pair| pair.map(|c| c as f32));
    let up = (z / height - heights[0]) / (heights[1] - heights[0]);
    let between = |a: f32, b: f32| a + (b - a) * up;
    let [rear, front] = [0, 1].map(|k| between(foot[k], roof[k]) * length);
    let side = between(across[0], across[1]) * width;
    if spot.normal[2] > 0.85 || !(0.06..0.9).contains(&up) {
        return base;
    }
    let glass = if spot.normal[1].abs() > 0.5 {
        let pillar = (x - 0.02 * length - 0.05).abs() < 0.045 || (x + 0.3 * length).abs() < 0.05;
        x < front - 0.1 && x > rear + 0.12 && !pillar
    } else {
        y.abs() < side - 0.08
    };
    if !glass {
        return grey(base, 0.92);
    }
    // The sky in it, towards the top.
    let sheen = up * 0.9
        + if part((x + y + z) * 0.8) < 0.3 {
            0.25
        } else {
            0.0
        };
    grey(GLASS, 0.75 + sheen)
}

fn van(spot: &Spot, base: Rgb) -> Rgb {
    let [x, y, z] = spot.at;
    let [length, width, height] = spot.size;
    let [nx, ny, nz] = spot.normal;
    let (x, y, up) = (x / length, y.abs() / width, z / height);
    if up < 0.2 {
        return BLACK;
    }
    if ny.abs() > 0.5 {
        let [fx, radius] = nearest_wheel(spot, [0.305 * length, 0.34]);
        let dz = z - radius;
        if fx * fx + dz * dz < 0.42 * 0.42 {
            return BLACK;
        }
        // The edge of the windscreen leans back.
        let edge = 0.5 - (up - 0.42).max(0.0) * 0.255;
        if (0.52..0.86).contains(&up) && x < edge - 0.03 && x > 0.2 {
            return grey(GLASS, 0.8 + up);
        }
        let seam = [-0.14, 0.16].iter().any(|at| (x - at).abs() < 0.003);
        return grey(
            base,
            if seam || (up - 0.45).abs() < 0.006 {
                0.5
            } else {
                1.0
            },
        );
    }
    if nx > 0.4 && nz > 0.2 && (0.48..0.9).contains(&up) && y < 0.44 {
        return grey(GLASS, 0.5 + up);
    }
    if nx > 0.4 {
        if y > 0.33 && (0.30..0.40).contains(&up) {
            return [244.0, 244.0, 236.0];
        }
        if y < 0.26 && (0.22..0.38).contains(&up) {
            return BLACK;
        }
    }
    if nx < -0.4 {
        if y > 0.42 && (0.3..0.5).contains(&up) {
            return [190.0, 22.0, 24.0];
        }
        if y < 0.006 {
            return grey(base, 0.4);
        }
        if (0.05..0.42).contains(&y) && (0.58..0.86).contains(&up) {
            return grey(GLASS, 0.5 + up);
        }
        if y < 0.13 && (0.26..0.31).contains(&up) {
            return [238.0, 238.0, 232.0];
        }
    }
    base
}

fn grey(colour: Rgb, light: f32) -> Rgb {
    colour.map(|c| c * light)
}

fn mix(a: Rgb, b: Rgb, part: f32) -> Rgb {
    std::array::from_fn(|k| a[k] + (b[k] - a[k]) * part)
}

/// The greatest whole number that is not greater.
fn whole(x: f32) -> i32 {
    let towards_zero = x as i32;
    towards_zero - i32::from((towards_zero as f32) > x)
}

/// What is over a whole number, from 0 to 1.
fn part(x: f32) -> f32 {
    x - whole(x) as f32
}

/// A number from 0 to 1 that belongs to a unit square.
pub(super) fn speckle(x: f32, y: f32) -> f32 {
    let [i, j] = [x, y].map(|c| whole(c) as u32);
    let mut mixed = i.wrapping_mul(0x9E37_79B1) ^ j.wrapping_mul(0x85EB_CA77);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x2C1B_3C6D);
    mixed ^= mixed >> 12;
    (mixed >> 8) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speckles_are_spread_and_parts_are_positive() {
        let all: Vec<f32> = (-50..50)
            .flat_map(|i| (-50..50).map(move |j| speckle(i as f32 + 0.5, j as f32 + 0.5)))
            .collect();
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let low = all.iter().filter(|&&s| s < 0.1).count();
        assert!((800..1200).contains(&low), "{low}");
        assert_eq!((whole(-0.25), part(-0.25), whole(2.0)), (-1, 0.75, 2));
    }
}
