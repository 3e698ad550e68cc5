//! A spinning lidar that looks at the world.

use nalgebra::{Vector2, Vector3};

use super::random::Random;
use super::road::left_of;
use super::world::{self, Block, Cut, GROUND_REFLECTANCE, World};
use crate::geometry::{Point, Pose};

/// Columns of a revolution, 0.4° apart.
const COLUMNS: usize = 900;
/// Cosine and sine of 0.4°.
const COLUMN: [f64; 2] = [0.999_975_630_705_394_7, 0.006_981_260_297_961_554];
/// Beams of a column; the tangents of their elevations are evenly spaced.
const BEAMS: usize = 32;
/// Tangents of the lowest beam and of the highest.
const SLOPES: [f64; 2] = [-0.5, 0.25];
/// What is nearer, or farther, sends no return, m.
const RANGE: [f64; 2] = [0.5, 80.0];
/// Standard deviation of a range, m.
const NOISE: f64 = 0.01;

/// The blocks that can send a return to a lidar at `from`.
pub(super) fn in_reach(world: &World, from: Vector2<f64>) -> Vec<&Block> {
    world.near(from, RANGE[1])
}

/// One revolution, column after column from its x axis to the left, each from
/// the lowest beam to the highest. The lidar stands level and the whole scan
/// is taken in one instant. Beams without a return leave no point.
pub(super) fn scan(blocks: &[&Block], world_from_lidar: &Pose, random: &mut Random) -> Vec<Point> {
    let origin = world_from_lidar.translation.vector;
    let x_axis = (world_from_lidar.rotation * Vector3::x()).xy();
    let y_axis = left_of(x_axis);
    let mut points = Vec::with_capacity(COLUMNS * BEAMS);
    let mut cuts = Vec::new();
    let mut column = Vector2::x();
    for _ in 0..COLUMNS {
        let along = x_axis * column.x + y_axis * column.y;
        world::slice(blocks, origin.xy(), along, &mut cuts);
        for beam in 0..BEAMS {
            let part = beam as f64 / (BEAMS - 1) as f64;
            let slope = SLOPES[0] + (SLOPES[1] - SLOPES[0]) * part;
            let Some((level, reflectance)) = hit(&cuts, origin.z, slope) else {
                continue;
            };
            let per_metre = 1.0 / (1.0 + slope * slope).sqrt();
            let range = level / per_metre + random.noise(NOISE);
            if (RANGE[0]..RANGE[1]).contains(&range) {
                let level = range * per_metre;
                let position = [column.x * level, column.y * level, slope * level];
                points.push(Point::from_metres(position, reflectance, 0));
            }
        }
        let [cos, sin] = COLUMN;
        column = column * cos + left_of(column) * sin;
    }
    points
}

/// Level distance to what a beam meets first, and how much light it sends
/// back. `z` is the lidar's height, `slope` the tangent of the elevation.
fn hit(cuts: &[Cut<'_>], z: f64, slope: f64) -> Option<(f64, f64)> {
    let height_at = |level: f64| z + slope * level;
    let mut first = (slope < 0.0).then(|| (-z / slope, GROUND_REFLECTANCE));
    for cut in cuts {
        let (enter, block) = (cut.enter.max(0.0), cut.block);
        let level = if height_at(enter) <= block.height {
            enter
        } else if height_at(cut.exit) < block.height {
            (block.height - z) / slope
        } else {
            continue;
        };
        if first.is_none_or(|(nearest, _)| level < nearest) {
            first = Some((level, block.reflectance));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_evenly_spaced() {
        let (sin, cos) = (std::f64::consts::TAU / COLUMNS as f64).sin_cos();
        assert!((COLUMN[0] - cos).abs() < 1e-15 && (COLUMN[1] - sin).abs() < 1e-15);
    }

    #[test]
    fn a_beam_meets_side_top_or_ground() {
        let block = Block {
            centre: Vector2::new(6.0, 0.0),
            ahead: Vector2::x(),
            half: [1.0, 1.0],
            height: 1.0,
            colour: [0; 3],
            reflectance: 0.7,
        };
        let mut cuts = Vec::new();
        world::slice(&[&block], Vector2::zeros(), Vector2::x(), &mut cuts);
        let at = |slope| hit(&cuts, 2.0, slope);
        assert_eq!(at(-0.5), Some((4.0, GROUND_REFLECTANCE)), "before it");
        assert_eq!(at(-0.3), Some((5.0, 0.7)), "its side");
        assert_eq!(at(-0.16).map(|(_, r)| r), Some(0.7), "its top");
        assert_eq!(at(-0.1), Some((20.0, GROUND_REFLECTANCE)), "beyond it");
        assert_eq!(at(0.0), None, "the sky");
    }
}
