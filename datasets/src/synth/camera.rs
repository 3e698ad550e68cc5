//! A camera that looks at the world: faces are filled into a picture of
//! nearness, and what is seen is then shaded, each pixel once.

use image::RgbImage;
use nalgebra::Vector3;
use rayon::prelude::*;

use super::marks::Marks;
use super::material::{Material, Surface};
use super::raster::Canvas;
use super::shadow::{SUN, Shadows};
use super::solid::Face;
use super::stance::Stance;
use super::texture::{self, Spot};
use super::world::Placed;
use crate::calibration::Camera;

/// What is nearer is before the lens, m.
const NEAR: f64 = 0.05;
/// What is farther is not drawn, m.
const FAR: f64 = 200.0;
/// Half of what is seen at this range is haze, m.
const HAZE: f32 = 260.0;
const AIR: [f32; 3] = [176.0, 190.0, 204.0];
const ZENITH: [f32; 3] = [104.0, 148.0, 206.0];

/// A camera and all that is before it.
pub(super) struct View<'a> {
    pub(super) things: &'a [Placed<'a>],
    pub(super) marks: &'a Marks,
    pub(super) shadows: &'a Shadows,
    pub(super) camera: &'a Camera,
    pub(super) world_from_camera: Stance,
    /// What the noise is made from.
    pub(super) seed: u32,
}

/// A face that was drawn.
pub(super) struct Drawn {
    /// The index of its thing.
    pub(super) thing: usize,
    material: Material,
    /// In its thing's frame.
    normal: [f32; 3],
    /// Length, width and height of its thing, m.
    size: [f32; 3],
    /// Light without the sun, and what the sun adds.
    light: [f32; 2],
    /// How its places are lifted to be looked up among the shadows.
    lift: [f32; 3],
}

/// Rows of a 3 × 4 matrix.
type Rows = [[f32; 4]; 3];

fn apply(rows: &Rows, [x, y, z]: [f32; 3]) -> [f32; 3] {
    rows.map(|[a, b, c, d]| a * x + b * y + c * z + d)
}

impl View<'_> {
    /// The picture.
    pub(super) fn render(&self) -> RgbImage {
        let [width, height] = self.camera.resolution;
        let (canvas, drawn) = self.draw();
        let ways: Vec<Rows> = self.things.iter().map(|thing| self.way(thing)).collect();
        let to_map = self.shadows.rows_from(&self.world_from_camera);
        let mut picture = RgbImage::new(width, height);
        let row = width as usize;
        picture
            .par_chunks_mut(row * 3)
            .zip(canvas.nearness.par_chunks(row))
            .zip(canvas.number.par_chunks(row))
            .enumerate()
            .with_min_len(16)
            .for_each(|(v, ((pixels, nearness), numbers))| {
                let seen = nearness.iter().zip(numbers).enumerate();
                let (pixels, _) = pixels.as_chunks_mut::<3>();
                for (pixel, (u, (&nearness, &number))) in pixels.iter_mut().zip(seen) {
                    let ray = self.ray(u, v);
                    let colour = match drawn.get((number as usize).wrapping_sub(1)) {
                        Some(face) => {
                            let depth = 1.0 / nearness;
                            let at = ray.map(|c| c * depth);
                            self.shade(face, at, &ways[face.thing], &to_map)
                        }
                        None => self.sky(ray),
                    };
                    let grain = 5.0 * texture::speckle(u as f32 + self.seed as f32, v as f32);
                    *pixel = colour.map(|c| (c + grain - 2.0) as u8);
                }
            });
        picture
    }

    /// The direction of a pixel, 1 ahead.
    fn ray(&self, u: usize, v: usize) -> [f32; 3] {
        let [cx, cy] = self.camera.centre.map(|c| c as f32);
        let [fx, fy] = self.camera.focal.map(|f| 1.0 / f as f32);
        [(u as f32 - cx) * fx, (v as f32 - cy) * fy, 1.0]
    }

    /// From the camera's frame to a thing's.
    fn way(&self, thing: &Placed<'_>) -> Rows {
        let turned = thing.to.axes.tr_mul(&self.world_from_camera.axes);
        let moved = thing.to.inward(self.world_from_camera.at);
        [0, 1, 2].map(|k| {
            let row = turned.row(k);
            [row[0], row[1], row[2], moved[k]].map(|c| c as f32)
        })
    }

    /// The inverse depth of every pixel, 1/m, and the number of its face, from
    /// 1; 0 is the sky.
    pub(super) fn draw(&self) -> (Canvas, Vec<Drawn>) {
        let size = self.camera.resolution.map(|side| side as usize);
        let mut canvas = Canvas::new(size, 0.0);
        let mut drawn = Vec::new();
        let mut polygon = Vec::new();
        for (thing, placed) in self.things.iter().enumerate() {
            let object = &placed.object;
            let centre = self
                .world_from_camera
                .inward(placed.to.outward(object.centre));
            if !self.may_see(centre, object.radius) {
                continue;
            }
            let eye = placed.to.inward(self.world_from_camera.at);
            let turned = self.world_from_camera.axes.tr_mul(&placed.to.axes);
            for face in object.solids.iter().flat_map(|solid| &solid.faces) {
                let above = face.normal.dot(&eye) - face.offset;
                if above <= 1e-6 || face.material.surface == Surface::Hidden {
                    continue;
                }
                let corners = face.corners.iter().map(|corner| turned * (corner - eye));
                self.project(corners, &mut polygon);
                if polygon.len() < 3 {
                    continue;
                }
                drawn.push(self.drawn(thing, face));
                let plane = self.plane(turned * face.normal, above);
                canvas.fill(&polygon, plane, drawn.len() as u32);
            }
        }
        (canvas, drawn)
    }

    fn may_see(&self, centre: Vector3<f64>, radius: f64) -> bool {
        let [width, height] = self.camera.resolution.map(f64::from);
        let [fx, fy] = self.camera.focal;
        let within = |side: f64, slope: f64| {
            side.abs() - slope * centre.z <= radius * (1.0 + slope * slope).sqrt()
        };
        // The principal point is near the middle.
        let margin = 1.02;
        centre.z + radius > NEAR
            && centre.norm() - radius < FAR
            && within(centre.x, margin * width / 2.0 / fx)
            && within(centre.y, margin * height / 2.0 / fy)
    }

    /// The part of a face before the lens, in pixels.
    fn project(&self, corners: impl Iterator<Item = Vector3<f64>>, polygon: &mut Vec<[f64; 2]>) {
        let [cx, cy] = self.camera.centre;
        let [fx, fy] = self.camera.focal;
        let pixel = |p: Vector3<f64>| [cx + fx * p.x / p.z, cy + fy * p.y / p.z];
        polygon.clear();
        let mut before: Option<Vector3<f64>> = None;
        let mut first = None;
        let mut add = |from: Option<Vector3<f64>>, to: Vector3<f64>, with_end: bool| {
            if let Some(from) = from.filter(|from| (from.z < NEAR) != (to.z < NEAR)) {
                let part = (NEAR - from.z) / (to.z - from.z);
                let mut at = from + (to - from) * part;
                at.z = NEAR;
                polygon.push(pixel(at));
            }
            if with_end && to.z >= NEAR {
                polygon.push(pixel(to));
            }
        };
        for corner in corners {
            add(before, corner, true);
            first = first.or(Some(corner));
            before = Some(corner);
        }
        if let Some(first) = first {
            add(before, first, false);
        }
    }

    /// The inverse of the depth over the picture of a plane whose normal
    /// looks at the eye from a distance.
    fn plane(&self, normal: Vector3<f64>, distance: f64) -> [f64; 3] {
        let [cx, cy] = self.camera.centre;
        let [fx, fy] = self.camera.focal;
        let [a, b] = [-normal.x / (fx * distance), -normal.y / (fy * distance)];
        [a, b, -normal.z / distance - a * cx - b * cy]
    }

    fn shade(&self, face: &Drawn, at: [f32; 3], way: &Rows, to_map: &Rows) -> [f32; 3] {
        let [ambient, sun] = face.light;
        let lit = sun > 0.0 && self.shadows.shines(apply(to_map, at), face.lift);
        let light = if lit { ambient + sun } else { ambient };
        let [x, y, z] = at;
        let range = (x * x + y * y + z * z).sqrt();
        let spot = Spot {
            material: face.material,
            at: apply(way, at),
            normal: face.normal,
            size: face.size,
            range,
        };
        let haze = range / (range + HAZE);
        let haze = haze * haze;
        let colour = texture::colour(&spot, self.marks);
        std::array::from_fn(|k| colour[k] * light * (1.0 - haze) + AIR[k] * haze)
    }

    fn sky(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let axes = &self.world_from_camera.axes;
        let up = [axes[(2, 0)], axes[(2, 1)], axes[(2, 2)]].map(|c| c as f32);
        let rise = (up[0] * x + up[1] * y + up[2] * z) / (x * x + y * y + z * z).sqrt();
        let part = (rise * 1.6).clamp(0.0, 1.0);
        std::array::from_fn(|k| AIR[k] + (ZENITH[k] - AIR[k]) * part)
    }

    fn drawn(&self, thing: usize, face: &Face) -> Drawn {
        let normal = self.things[thing].to.axes * face.normal;
        let sun = normal.dot(&Vector3::from(SUN)).max(0.0);
        // Faces that look up see more of the sky.
        let ambient = 0.46 + 0.12 * normal.z + 0.03 * normal.x;
        Drawn {
            thing,
            material: face.material,
            normal: [face.normal.x, face.normal.y, face.normal.z].map(|c| c as f32),
            size: self.things[thing].object.size.map(|c| c as f32),
            light: [ambient as f32, 0.76 * sun as f32],
            lift: self.shadows.lift(normal),
        }
    }
}
