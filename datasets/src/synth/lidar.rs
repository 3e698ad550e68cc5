//! A spinning lidar that looks at the world: one vertical plane of beams
//! after another, each at its own time.
//!
//! The scan is drawn as a picture is: every solid is set into the columns and
//! beams that can meet it, found from its corners at the beginning and at the
//! end of the revolution, and the nearest stays. A column is a plane through
//! the sensor, so that per solid and column only two products with each face's
//! normal are needed, and per beam one division with each.

use nalgebra::Vector3;
use rayon::prelude::*;

use super::marks::Marks;
use super::material::Surface;
use super::random::Random;
use super::solid::Solid;
use super::stance::Stance;
use super::world::Placed;
use crate::geometry::Point;

/// Columns of a revolution.
pub(super) const COLUMNS: usize = 1280;
/// Cosine and sine of the angle between them.
const COLUMN: [f64; 2] = [0.999_987_952_167_256_7, 0.004_908_718_807_997_99];
/// Beams of a column; the tangents of their elevations are evenly spaced.
pub(super) const BEAMS: usize = 64;
/// Tangents of the lowest beam and of the highest.
const SLOPES: [f32; 2] = [-0.6, 0.25];
/// What is nearer, or farther, sends no return, m.
const RANGE: [f64; 2] = [0.4, 80.0];
/// Standard deviation of a range, m.
const NOISE: f64 = 0.01;
/// At this range a white surface that faces the lidar is sure to return, m;
/// the light that comes back falls with the square of the range.
const SURE: f64 = 250.0;
/// Of all returns, so many are lost anyhow.
const LOST: f64 = 0.005;
/// Columns of a piece of work.
const CHUNK: usize = 32;

/// One revolution.
pub(super) struct Scan {
    pub(super) points: Vec<Point>,
    pub(super) labels: Vec<u16>,
    pub(super) counts: Counts,
}

/// What became of the beams, by the index of the thing.
#[derive(Clone, Default)]
pub(super) struct Counts {
    /// Returns from it.
    pub(super) returns: Vec<u32>,
    /// Beams that would meet it if nothing else were there.
    pub(super) aimed: Vec<u32>,
    /// Beams that meet it.
    pub(super) met: Vec<u32>,
}

impl Counts {
    pub(super) fn of(things: usize) -> Self {
        let none = vec![0; things];
        Self {
            returns: none.clone(),
            aimed: none.clone(),
            met: none,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let add = |sum: &mut [u32], other: &[u32]| {
            sum.iter_mut().zip(other).for_each(|(sum, n)| *sum += n);
        };
        add(&mut self.returns, &other.returns);
        add(&mut self.aimed, &other.aimed);
        add(&mut self.met, &other.met);
    }
}

/// A solid, and where it can be in the scan.
struct Patch<'a> {
    thing: usize,
    solid: &'a Solid,
    /// First column and how many follow, round the circle.
    columns: [usize; 2],
    /// First beam and the one after the last.
    beams: [usize; 2],
    /// It is no nearer than this, m over the level.
    nearest: f32,
}

/// What a scan is made of.
pub(super) struct View<'a> {
    /// All there is; the sensor's own vehicle too.
    pub(super) things: &'a [Placed<'a>],
    pub(super) marks: &'a Marks,
    /// The sensor at the beginning and at the end of the revolution.
    pub(super) from: Stance,
    pub(super) to: Stance,
    /// Length of the revolution, ns.
    pub(super) period_ns: i64,
    /// What the noise is made from.
    pub(super) seeds: [u64; 3],
}

/// The tangents of the beams' elevations.
fn slopes() -> [f32; BEAMS] {
    let step = (SLOPES[1] - SLOPES[0]) / (BEAMS - 1) as f32;
    std::array::from_fn(|beam| SLOPES[0] + step * beam as f32)
}

/// The directions of the columns over the level, from x to the left.
fn directions() -> Vec<[f64; 2]> {
    let [cos, sin] = COLUMN;
    let next = |&[x, y]: &[f64; 2]| Some([x * cos - y * sin, y * cos + x * sin]);
    let all = std::iter::successors(Some([1.0, 0.0]), next);
    all.take(COLUMNS).collect()
}

/// One revolution, column after column, each from the lowest beam to the
/// highest. Beams without a return leave no point.
pub(super) fn scan(view: &View<'_>) -> Scan {
    let patches = view.patches();
    let directions = directions();
    let chunks: Vec<Scan> = (0..COLUMNS / CHUNK)
        .into_par_iter()
        .map(|chunk| view.chunk(&patches, &directions, chunk * CHUNK))
        .collect();
    let total = chunks.iter().map(|chunk| chunk.points.len()).sum();
    let mut all = Scan {
        points: Vec::with_capacity(total),
        labels: Vec::with_capacity(total),
        counts: Counts::of(view.things.len()),
    };
    for chunk in chunks {
        all.points.extend(chunk.points);
        all.labels.extend(chunk.labels);
        all.counts.add(&chunk.counts);
    }
    all
}

impl<'a> View<'a> {
    fn patches(&self) -> Vec<Patch<'a>> {
        let mut patches = Vec::new();
        for (thing, placed) in self.things.iter().enumerate() {
            let object = &placed.object;
            let centre = placed.from.outward(object.centre);
            let moved = (placed.to.at - placed.from.at).norm();
            let reach = RANGE[1] + object.radius + moved + 2.0;
            if (centre - self.from.at).norm() > reach {
                continue;
            }
            // From the thing's frame to the sensor's.
            let ways = [(self.from, placed.from), (self.to, placed.to)]
                .map(|(sensor, thing)| inverse(&sensor).then(&thing));
            for solid in &object.solids {
                patches.extend(patch(thing, solid, &ways));
            }
        }
        patches.sort_by(|a, b| a.nearest.total_cmp(&b.nearest));
        patches
    }

    /// How many solids may be in a beam, on average.
    #[cfg(test)]
    pub(super) fn depth(&self) -> f64 {
        let patches = self.patches();
        let area = |patch: &Patch<'_>| patch.columns[1] * (patch.beams[1] - patch.beams[0]);
        patches.iter().map(area).sum::<usize>() as f64 / (COLUMNS * BEAMS) as f64
    }

    fn chunk(&self, patches: &[Patch<'_>], directions: &[[f64; 2]], first: usize) -> Scan {
        let near: Vec<&Patch<'_>> = patches
            .iter()
            .filter(|patch| (first..first + CHUNK).any(|column| patch.covers(column)))
            .collect();
        let mut scan = Scan {
            points: Vec::with_capacity(CHUNK * BEAMS),
            labels: Vec::with_capacity(CHUNK * BEAMS),
            counts: Counts::of(self.things.len()),
        };
        let mut masks = vec![0u64; self.things.len()];
        let slopes = slopes();
        let columns = (first..).zip(&directions[first..first + CHUNK]);
        for (column, &direction) in columns {
            self.column(column, direction, &near, &slopes, &mut masks, &mut scan);
        }
        scan
    }

    fn column(
        &self,
        column: usize,
        [x, y]: [f64; 2],
        patches: &[&Patch<'_>],
        slopes: &[f32; BEAMS],
        masks: &mut [u64],
        scan: &mut Scan,
    ) {
        let part = column as f64 / COLUMNS as f64;
        let sensor = self.from.between(&self.to, part);
        let level = sensor.axes * Vector3::new(x, y, 0.0);
        let up = sensor.axes.column(2).into_owned();
        let mut nearest = [RANGE[1] as f32; BEAMS];
        let mut shown = [u32::MAX; BEAMS];
        for (number, patch) in patches.iter().enumerate() {
            if !patch.covers(column) {
                continue;
            }
            let [low, high] = patch.beams;
            let placed = &self.things[patch.thing];
            let counted = placed.object.class.is_some();
            let hidden = || {
                nearest[low..high]
                    .iter()
                    .all(|&range| range < patch.nearest)
            };
            if !counted && hidden() {
                continue;
            }
            let stance = placed.from.between(&placed.to, part);
            let from = stance.inward(sensor.at);
            let [level, up] = [level, up].map(|axis| stance.axes.tr_mul(&axis));
            let axes = [&from, &level, &up];
            let Some(meets) = meet(patch.solid, axes, slopes, low..high) else {
                continue;
            };
            let lanes = nearest[low..high].iter_mut().zip(&mut shown[low..high]);
            for ((nearest, shown), &range) in lanes.zip(&meets[low..high]) {
                let nearer = range < *nearest;
                *nearest = if nearer { range } else { *nearest };
                *shown = if nearer { number as u32 } else { *shown };
            }
            if counted {
                let within = (low..high).filter(|&beam| meets[beam] < RANGE[1] as f32);
                masks[patch.thing] |= within.fold(0, |mask, beam| mask | 1 << beam);
            }
        }
        for patch in patches {
            let mask = std::mem::take(&mut masks[patch.thing]);
            scan.counts.aimed[patch.thing] += mask.count_ones();
        }
        let [a, b, c] = self.seeds;
        let random = &mut Random::new(&[a, b, c, column as u64]);
        let after_ns = self.period_ns * column as i64 / COLUMNS as i64;
        for beam in 0..BEAMS {
            let Some(patch) = patches.get(shown[beam] as usize) else {
                continue;
            };
            let placed = &self.things[patch.thing];
            scan.counts.met[patch.thing] += 1;
            let slope = f64::from(slopes[beam]);
            let per_metre = 1.0 / (1.0 + slope * slope).sqrt();
            let range = f64::from(nearest[beam]) / per_metre;
            let ray = (level + up * slope) * per_metre;
            let stance = placed.from.between(&placed.to, part);
            let at = stance.inward(sensor.at + ray * range);
            let light = self.light(patch.solid, at, stance.axes.tr_mul(&ray));
            let power = light * (SURE / range) * (SURE / range);
            let noise = random.noise(NOISE);
            let chance = (1.0 - LOST) * power.min(1.0);
            let returns = random.chance(chance);
            let range = range + noise;
            if !returns || !(RANGE[0]..RANGE[1]).contains(&range) {
                continue;
            }
            let level = range * per_metre;
            let position = [x * level, y * level, slope * level];
            scan.points
                .push(Point::from_metres(position, light, after_ns));
            scan.labels.push(placed.object.label);
            scan.counts.returns[patch.thing] += 1;
        }
    }

    /// Fraction of the light that comes back from a place on a solid, both in
    /// its thing's frame: less where it is met at an angle (Lambert).
    fn light(&self, solid: &Solid, at: Vector3<f64>, ray: Vector3<f64>) -> f64 {
        let mut met = (&solid.faces[0], f64::NEG_INFINITY);
        for face in &solid.faces {
            let off = face.normal.dot(&at) - face.offset;
            if off > met.1 {
                met = (face, off);
            }
        }
        let material = met.0.material;
        let painted =
            material.surface == Surface::Asphalt && self.marks.at([at.x as f32, at.y as f32]);
        let reflectance = if painted { 0.6 } else { material.reflectance() };
        reflectance * met.0.normal.dot(&ray).abs()
    }
}

impl Patch<'_> {
    fn covers(&self, column: usize) -> bool {
        let [first, count] = self.columns;
        let after = if column >= first {
            column - first
        } else {
            column + COLUMNS - first
        };
        after < count
    }
}

fn inverse(stance: &Stance) -> Stance {
    Stance {
        at: -stance.axes.tr_mul(&stance.at),
        axes: stance.axes.transpose(),
    }
}

/// Where a solid can be in the scan; `ways` lead from its frame to the
/// sensor's at the beginning and at the end.
fn patch<'a>(thing: usize, solid: &'a Solid, ways: &[Stance; 2]) -> Option<Patch<'a>> {
    let corners = ways
        .iter()
        .flat_map(|way| solid.corners.iter().map(|&corner| way.outward(corner)));
    let first = ways[0].outward(solid.corners[0]);
    let [low, high] = corners.clone().fold([first; 2], |[low, high], corner| {
        [low.inf(&corner), high.sup(&corner)]
    });
    // The least and the greatest distance over the level to the box around.
    let beyond = |k: usize| low[k].max(-high[k]).max(0.0);
    let [x, y] = [beyond(0), beyond(1)];
    let least = (x * x + y * y).sqrt();
    let [x, y] = [0, 1].map(|k| low[k].abs().max(high[k].abs()));
    let most = (x * x + y * y).sqrt();
    if least > RANGE[1] {
        return None;
    }
    let around = Patch {
        thing,
        solid,
        columns: [0, COLUMNS],
        beams: [0, BEAMS],
        nearest: least as f32,
    };
    if least < 0.05 {
        return Some(around);
    }
    let [lowest, highest] = [low.z, high.z];
    let bottom = lowest / if lowest < 0.0 { least } else { most };
    let top = highest / if highest > 0.0 { least } else { most };
    let step = f64::from(SLOPES[1] - SLOPES[0]) / (BEAMS - 1) as f64;
    let beam = |slope: f64| (slope - f64::from(SLOPES[0])) / step;
    let begin = beam(bottom).max(0.0) as usize;
    let end = (beam(top) + 2.0).max(0.0) as usize;
    let beams = [begin.min(BEAMS), end.min(BEAMS)];
    if beams[0] >= beams[1] {
        return None;
    }
    // Angles about the direction of the middle, from which no corner is half
    // a turn away.
    let middle = (low + high) / 2.0;
    let middle = middle.xy() / middle.xy().norm();
    let angles = corners.map(|corner| {
        let [along, across] = [middle.dot(&corner.xy()), middle.perp(&corner.xy())];
        turns(across, along)
    });
    let [right, left] = angles.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], angle| {
        [low.min(angle), high.max(angle)]
    });
    // With a column to spare on either side.
    let columns = COLUMNS as f64;
    let first = (turns(middle.y, middle.x) + right + 2.0) * columns - 1.0;
    let count = ((left - right) * columns) as usize + 4;
    if left - right > 0.6 {
        return Some(Patch { beams, ..around });
    }
    Some(Patch {
        columns: [first as usize % COLUMNS, count],
        beams,
        ..around
    })
}

/// The angle of a direction in turns, from −½ to ½, to within 1e-5
/// (Abramowitz & Stegun, 4.4.49).
fn turns(y: f64, x: f64) -> f64 {
    let (a, b) = (x.abs(), y.abs());
    let (less, more) = if a < b { (a, b) } else { (b, a) };
    if more == 0.0 {
        return 0.0;
    }
    let z = less / more;
    let s = z * z;
    let series = [
        -0.0117212,
        0.05265332,
        -0.11643287,
        0.19354346,
        -0.33262347,
        0.99997726,
    ];
    let angle = z * series.iter().fold(0.0, |sum, c| sum * s + c) / std::f64::consts::TAU;
    let angle = if a < b { 0.25 - angle } else { angle };
    let angle = if x < 0.0 { 0.5 - angle } else { angle };
    if y < 0.0 { -angle } else { angle }
}

/// Where the beams of a column enter a solid, in multiples of the level
/// direction; infinite where they do not, and `None` if none does. `from`,
/// `level` and `up` are the sensor's place and the column's directions in the
/// solid's frame (the slabs of Kay & Kajiya, *Ray Tracing Complex Scenes*,
/// SIGGRAPH 1986).
fn meet(
    solid: &Solid,
    [from, level, up]: [&Vector3<f64>; 3],
    slopes: &[f32; BEAMS],
    beams: std::ops::Range<usize>,
) -> Option<[f32; BEAMS]> {
    let mut enter = [0f32; BEAMS];
    let mut leave = [f32::INFINITY; BEAMS];
    let slopes = &slopes[beams.clone()];
    let (first, last) = (slopes.first()?, slopes.last()?);
    for face in &solid.faces {
        let normal = &face.normal;
        let depth = (face.offset - normal.dot(from)) as f32;
        let along = normal.dot(level) as f32;
        let rise = normal.dot(up) as f32;
        // The beams between the first and the last go no other way.
        let inward = [first, last].map(|slope| along + slope * rise < 0.0);
        if depth < 0.0 && inward == [false; 2] {
            return None;
        }
        if depth >= 0.0 && inward == [true; 2] {
            continue;
        }
        let lanes = enter[beams.clone()].iter_mut();
        let lanes = lanes.zip(&mut leave[beams.clone()]);
        for ((enter, leave), slope) in lanes.zip(slopes) {
            let speed = along + slope * rise;
            // A beam along the face is outside for ever, or never.
            let at = depth / speed;
            let inward = speed < 0.0;
            *enter = if inward && at > *enter { at } else { *enter };
            *leave = if !inward && at < *leave { at } else { *leave };
        }
    }
    let lanes = enter[beams.clone()].iter_mut().zip(&leave[beams]);
    for (enter, leave) in lanes {
        *enter = if *enter < *leave {
            *enter
        } else {
            f32::INFINITY
        };
    }
    Some(enter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::material::Material;
    use proptest::prelude::*;

    #[test]
    fn columns_are_evenly_spaced() {
        let (sin, cos) = (std::f64::consts::TAU / COLUMNS as f64).sin_cos();
        assert!((COLUMN[0] - cos).abs() < 1e-15 && (COLUMN[1] - sin).abs() < 1e-15);
        let last = directions()[COLUMNS - 1];
        assert!((last[0] - cos).abs() < 1e-10 && (last[1] + sin).abs() < 1e-10);
    }

    fn block() -> Solid {
        let stuff = Material::new(Surface::Plain, [99; 3]);
        Solid::cuboid([-1.0, -0.5, 0.0], [1.0, 0.5, 1.5], stuff)
    }

    proptest! {
        #[test]
        fn turns_are_those_of_the_arc_tangent(x in -9.0..9.0f64, y in -9.0..9.0f64) {
            prop_assert!((turns(y, x) - y.atan2(x) / std::f64::consts::TAU).abs() < 2e-5);
        }

        /// Against places along the beams.
        #[test]
        fn a_beam_enters_where_the_solid_begins(
            x in -9.0..9.0f64, y in -9.0..9.0f64, z in 0.1..3.0f64, towards in -4.0..4.0f64,
        ) {
            let solid = block();
            let from = Vector3::new(x, y, z);
            prop_assume!(solid.distance(from) > 0.05);
            let level = Vector3::new(towards.cos(), towards.sin(), 0.0);
            let slopes = slopes();
            let meets = meet(&solid, [&from, &level, &Vector3::z()], &slopes, 0..BEAMS);
            let meets = meets.unwrap_or([f32::INFINITY; BEAMS]);
            for (slope, meets) in slopes.into_iter().zip(meets) {
                let place = |t: f64| from + level * t + Vector3::z() * (f64::from(slope) * t);
                let inside = (0..400).map(|i| f64::from(i) * 0.05).find(|&t| solid.distance(place(t)) < -1e-3);
                match inside {
                    Some(t) => prop_assert!(f64::from(meets) <= t && solid.distance(place(meets.into())).abs() < 1e-3),
                    None if meets.is_finite() => prop_assert!(solid.distance(place(meets.into())).abs() < 1e-3),
                    None => {}
                }
            }
        }

        /// No beam that meets a solid lies outside of its patch.
        #[test]
        fn a_patch_covers_all_that_meets(
            x in -30.0..30.0f64, y in -30.0..30.0f64, z in -3.0..3.0f64,
            yaw in -3.0..3.0f64, pitch in -0.15..0.15f64, moves in -1.0..1.0f64, turns in -0.05..0.05f64,
        ) {
            use nalgebra::Vector2;
            let solid = block();
            let thing = Stance::upright(Vector3::new(x, y, z), Vector2::new(yaw.cos(), yaw.sin()));
            let sensor = Stance::of(&crate::Pose::rotation(Vector3::y() * pitch));
            let later = Stance::of(&crate::Pose::new(Vector3::x() * moves, Vector3::z() * turns)).then(&sensor);
            prop_assume!(solid.distance(thing.inward(Vector3::zeros())) > 1.5);
            let ways = [sensor, later].map(|sensor| inverse(&sensor).then(&thing));
            let found = patch(0, &solid, &ways);
            let slopes = slopes();
            for (column, [a, b]) in directions().into_iter().enumerate() {
                let part = column as f64 / COLUMNS as f64;
                let sensor = sensor.between(&later, part);
                let level = thing.axes.tr_mul(&(sensor.axes * Vector3::new(a, b, 0.0)));
                let up = thing.axes.tr_mul(&sensor.axes.column(2));
                let axes = [&thing.inward(sensor.at), &level, &up];
                let meets = meet(&solid, axes, &slopes, 0..BEAMS).unwrap_or([f32::INFINITY; BEAMS]);
                for (beam, &range) in meets.iter().enumerate().filter(|(_, range)| **range < 80.0) {
                    let patch = found.as_ref().expect("is met");
                    prop_assert!(patch.covers(column), "column {}", column);
                    prop_assert!((patch.beams[0]..patch.beams[1]).contains(&beam), "beam {}", beam);
                    prop_assert!(patch.nearest <= range + 1e-3);
                }
            }
        }
    }
}
