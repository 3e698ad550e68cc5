//! The sun, and what stands in its light: a map of nearness to the sun
//! (Williams, *Casting Curved Shadows on Curved Surfaces*, SIGGRAPH 1978).

use nalgebra::{Matrix3, Vector3};

use super::raster;
use super::scenario::Area;
use super::stance::Stance;
use super::world::{Object, Placed};

/// Texels to the metre.
const TEXELS: f64 = 8.0;
/// What is shown to be nearer by less is the surface itself, m.
const BIAS: f32 = 0.08;
/// Places are looked up so far off their surface, m, so that one at a low
/// angle to the light does not shade itself.
const LIFT: f64 = 0.1;
/// How far over the area's ground something may stand, m.
const TALL: f64 = 30.0;

/// The unit vector to the sun.
pub(super) const SUN: [f64; 3] = [0.48, -0.6, 0.64];

/// Light and shadow.
#[derive(Clone, Debug)]
pub(super) struct Shadows {
    size: [usize; 2],
    /// Of what is nearest to the sun, m.
    nearness: Vec<f32>,
    axes: Axes,
}

/// From the world to the map: two axes across the light, and one to the sun.
#[derive(Clone, Copy, Debug)]
struct Axes {
    rows: Matrix3<f64>,
    /// Where the map begins, texels.
    origin: [f64; 2],
}

impl Shadows {
    pub(super) fn of(area: &Area, standing: &[(Object, Stance)]) -> Self {
        let sun = Vector3::from(SUN);
        let across = Vector3::new(-sun.y, sun.x, 0.0) / (sun.x * sun.x + sun.y * sun.y).sqrt();
        let rows = Matrix3::from_rows(&[
            across.transpose() * TEXELS,
            sun.cross(&across).transpose() * TEXELS,
            sun.transpose(),
        ]);
        let heights = area.profile.iter().map(|p| p[1]);
        let low = heights.clone().fold(0.0, f64::min);
        let high = heights.fold(0.0, f64::max) + TALL;
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for x in [area.from[0], area.to[0]] {
            for y in [area.from[1], area.to[1]] {
                for z in [low, high] {
                    let at = rows * Vector3::new(x, y, z);
                    for k in 0..2 {
                        bounds[k] = [bounds[k][0].min(at[k]), bounds[k][1].max(at[k])];
                    }
                }
            }
        }
        let size = bounds.map(|[low, high]| (high - low) as usize + 1);
        let axes = Axes {
            rows,
            origin: bounds.map(|[low, _]| low),
        };
        let mut shadows = Self {
            size,
            nearness: vec![f32::NEG_INFINITY; size[0] * size[1]],
            axes,
        };
        for (object, stance) in standing {
            shadows.cast(object, stance);
        }
        shadows
    }

    /// The same with what moves in it.
    pub(super) fn with(&self, moving: &[Placed<'_>]) -> Self {
        let mut shadows = self.clone();
        for placed in moving {
            shadows.cast(&placed.object, &placed.to);
        }
        shadows
    }

    /// From a frame to the map: rows of a 3 × 4 matrix.
    pub(super) fn rows_from(&self, frame: &Stance) -> [[f32; 4]; 3] {
        let turned = self.axes.rows * frame.axes;
        let moved = self.axes.rows * frame.at;
        let origin = [self.axes.origin[0], self.axes.origin[1], 0.0];
        [0, 1, 2].map(|k| {
            let row = turned.row(k);
            [row[0], row[1], row[2], moved[k] - origin[k]].map(|c| c as f32)
        })
    }

    /// How far off a surface of a normal its places are looked up.
    pub(super) fn lift(&self, normal: Vector3<f64>) -> [f32; 3] {
        let lift = self.axes.rows * normal * LIFT;
        [lift.x, lift.y, lift.z].map(|c| c as f32)
    }

    /// Whether the sun shines on a place of the map, lifted off its surface.
    pub(super) fn shines(&self, at: [f32; 3], lift: [f32; 3]) -> bool {
        let [u, v, nearness] = [0, 1, 2].map(|k| at[k] + lift[k]);
        let [i, j] = [u + 0.5, v + 0.5].map(|c| c as usize);
        if i >= self.size[0] || j >= self.size[1] {
            return true;
        }
        self.nearness[j * self.size[0] + i] < nearness + BIAS
    }

    /// Draws what the sun sees of a thing.
    fn cast(&mut self, object: &Object, stance: &Stance) {
        let turned = self.axes.rows * stance.axes;
        let [u, v] = self.axes.origin;
        let moved = self.axes.rows * stance.at - Vector3::new(u, v, 0.0);
        let sun = stance.axes.tr_mul(&Vector3::from(SUN));
        let width = self.size[0];
        for face in object.solids.iter().flat_map(|solid| &solid.faces) {
            if face.normal.dot(&sun) <= 1e-6 {
                continue;
            }
            let places = face.corners.iter().map(|corner| turned * corner + moved);
            let places: Vec<Vector3<f64>> = places.collect();
            let polygon: Vec<[f64; 2]> = places.iter().map(|p| [p.x, p.y]).collect();
            // Nearness as a plane over the map.
            let normal = (places[1] - places[0]).cross(&(places[2] - places[0]));
            let slopes = [-normal.x / normal.z, -normal.y / normal.z];
            let first = places[0];
            raster::spans(&polygon, self.size, |v, span| {
                let rise = slopes[1] * (v as f64 - first.y);
                let row = v * width;
                let texels = &mut self.nearness[row + span.start..row + span.end];
                let start = first.z + rise + slopes[0] * (span.start as f64 - first.x);
                let [start, slope] = [start as f32, slopes[0] as f32];
                for (i, nearest) in texels.iter_mut().enumerate() {
                    *nearest = nearest.max(start + slope * i as f32);
                }
            });
        }
    }
}
