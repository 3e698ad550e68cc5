//! Motion primitives: the curves between neighbouring states of the lattice.
//!
//! The lattice lies in the frame of the start, so that the start is its origin
//! and heading 0 is the direction in which one of its ends points. Headings are
//! the directions of short lattice vectors, so that a straight primitive of
//! every heading ends on the lattice (Pivtoraiko, Knepper and Kelly,
//! "Differentially Constrained Mobile Robot Motion Planning in State Lattices",
//! 2009). Every primitive ends exactly on a state, with the wheels straight.

use crate::collision::Footprint;
use crate::config::PlannerConfig;
use crate::curve::Curve;
use crate::heuristic::chain;
use crate::pose::wrap;
use crate::price::Prices;
use crate::vehicle::Vehicle;

/// Lattice vectors of the headings of the first quarter turn, about equally far
/// apart.
const QUARTER_OF_16: [[i32; 2]; 4] = [[1, 0], [2, 1], [1, 1], [1, 2]];
const QUARTER_OF_32: [[i32; 2]; 8] = [
    [1, 0],
    [5, 1],
    [5, 2],
    [3, 2],
    [1, 1],
    [2, 3],
    [2, 5],
    [1, 5],
];

/// A place and a unit vector of motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) at: [f64; 2],
    pub(crate) along: [f64; 2],
}

/// A curve and the poses at which it is tested for collision, the last of them
/// its end. Between two of them no point of the vehicle moves by more than
/// twice the margin.
#[derive(Clone, Debug)]
pub(crate) struct Motion {
    pub(crate) curve: Curve,
    /// In the frame in which the motion begins at the origin.
    pub(crate) steps: Vec<Step>,
    /// Price in the open.
    pub(crate) price: u64,
}

impl Motion {
    /// A curve that begins along a unit vector.
    pub(crate) fn new(curve: Curve, along: [f64; 2], limits: &Limits) -> Self {
        let swing = 1.0 + curve.peak_bend() * limits.reach;
        let count = (curve.length * swing / (2.0 * limits.margin))
            .ceil()
            .max(1.0) as usize;
        let [c, s] = along;
        let rotate = |[x, y]: [f64; 2]| [c * x - s * y, s * x + c * y];
        let steps = curve.places(count).skip(1).map(|(u, at)| {
            let (sin, cos) = curve.heading(u).sin_cos();
            Step {
                at: rotate(at),
                along: rotate([cos, sin]),
            }
        });
        Self {
            curve,
            steps: steps.collect(),
            price: limits.prices.of(&curve),
        }
    }
}

/// What the vehicle and the configuration allow of a curve.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) max_curvature: f64,
    pub(crate) max_curvature_rate: f64,
    pub(crate) max_crab: f64,
    pub(crate) reach: f64,
    pub(crate) margin: f64,
    pub(crate) prices: Prices,
}

impl Limits {
    pub(crate) fn new(vehicle: &Vehicle, config: &PlannerConfig) -> Self {
        Self {
            max_curvature: vehicle.max_curvature(),
            max_curvature_rate: vehicle.max_curvature_rate,
            max_crab: vehicle.max_crab(),
            reach: Footprint::new(vehicle, 0.0).reach(),
            margin: config.margin_m,
            prices: Prices::new(&config.costs),
        }
    }

    /// Whether the vehicle can follow a curve.
    pub(crate) fn allow(&self, curve: &Curve) -> bool {
        if curve.crab {
            curve.peak_slip() <= self.max_crab
        } else {
            curve.peak_bend() <= self.max_curvature
                && curve.peak_bend_rate() <= self.max_curvature_rate
        }
    }
}

/// A motion from a heading of the lattice to a state.
#[derive(Clone, Debug)]
pub(crate) struct Primitive {
    pub(crate) motion: Motion,
    /// To the state's place, in lattice cells.
    pub(crate) offset: [i32; 2],
    /// The state's heading.
    pub(crate) heading: u8,
}

/// The primitives of a vehicle.
#[derive(Clone, Debug)]
pub(crate) struct Primitives {
    /// Spacing of the lattice, m.
    pub(crate) cell: f64,
    /// Unit vector of each heading, counterclockwise.
    pub(crate) units: Vec<[f64; 2]>,
    /// Angle of each heading, rad.
    pub(crate) angles: Vec<f64>,
    /// What leads away from each heading.
    pub(crate) from: Vec<Vec<Primitive>>,
    /// No point of the chain of lattice steps that stands for a primitive in
    /// the heuristic is farther than this from a pose tested along it, m.
    pub(crate) drift: f64,
    /// Length of the longest, m.
    pub(crate) longest: f64,
}

impl Primitives {
    /// Generates the primitives of a vehicle.
    pub(crate) fn new(vehicle: &Vehicle, config: &PlannerConfig) -> Self {
        let limits = Limits::new(vehicle, config);
        let quarter: &[[i32; 2]] = match config.headings {
            32 => &QUARTER_OF_32,
            _ => &QUARTER_OF_16,
        };
        let directions: Vec<_> = (0..4)
            .flat_map(|turns| quarter.iter().map(move |&d| quarter_turned(d, turns)))
            .collect();
        let generator = Generator {
            cell: config.cell_m,
            directions: &directions,
            limits: &limits,
        };
        // Turned by a quarter, the lattice is itself.
        let first: Vec<Vec<_>> = (0..quarter.len()).map(|h| generator.leaving(h)).collect();
        let from: Vec<Vec<Primitive>> = (0..directions.len())
            .map(|h| {
                let (turns, base) = (h / quarter.len(), h % quarter.len());
                first[base]
                    .iter()
                    .map(|&(curve, offset, to)| Primitive {
                        motion: Motion::new(curve, unit(directions[h]), &limits),
                        offset: quarter_turned(offset, turns),
                        heading: ((to + turns * quarter.len()) % directions.len()) as u8,
                    })
                    .collect()
            })
            .collect();
        let all = || from.iter().flatten();
        let strays = |p: &Primitive| drift(p.offset, &p.motion, config.cell_m);
        let drift = all().map(strays).fold(0.0, f64::max);
        let longest = all().map(|p| p.motion.curve.length).fold(0.0, f64::max);
        Self {
            cell: config.cell_m,
            units: directions.iter().map(|&d| unit(d)).collect(),
            angles: directions.iter().map(|&d| angle(d)).collect(),
            from,
            drift,
            longest,
        }
    }

    /// Place of a lattice point in the lattice's frame, m.
    pub(crate) fn place(&self, at: [i32; 2]) -> [f64; 2] {
        at.map(|c| f64::from(c) * self.cell)
    }

    /// The heading turned by π.
    pub(crate) fn reversed(&self, heading: u8) -> u8 {
        let count = self.units.len();
        ((usize::from(heading) + count / 2) % count) as u8
    }
}

struct Generator<'a> {
    cell: f64,
    directions: &'a [[i32; 2]],
    limits: &'a Limits,
}

impl Generator<'_> {
    /// Curves, offsets and headings of what leads away from a heading.
    fn leaving(&self, heading: usize) -> Vec<(Curve, [i32; 2], usize)> {
        let count = self.directions.len();
        let mut leaving = Vec::new();
        let direction = self.directions[heading];
        let stride = self.cell * length(direction);
        let strides = (1.0 / stride).round().max(2.0) as i32;
        for n in [1, strides] {
            let straight = Curve::turn([stride * f64::from(n), 0.0], 0.0);
            leaving.extend(straight.map(|c| (c, direction.map(|d| d * n), heading)));
        }
        // To the next headings, and on up to an eighth of a turn.
        for by in [1, 2, 4].into_iter().filter(|by| by * 8 <= count) {
            for to in [heading + by, heading + count - by].map(|to| to % count) {
                // As tight as the vehicle can, and one that it can take faster.
                let shares: &[f64] = if by == 1 { &[1.0, 0.4] } else { &[1.0] };
                for &share in shares {
                    leaving.extend(self.turn(heading, to, share).map(|(c, d)| (c, d, to)));
                }
            }
        }
        for side in [1.0, -1.0] {
            for shift in [1.0, 2.5] {
                leaving.extend(
                    self.crab(heading, side * shift)
                        .map(|(c, d)| (c, d, heading)),
                );
            }
        }
        leaving
    }

    /// The shortest turn that keeps to a share of the greatest curvature.
    fn turn(&self, from: usize, to: usize, share: f64) -> Option<(Curve, [i32; 2])> {
        let start = angle(self.directions[from]);
        let turn = wrap(angle(self.directions[to]) - start);
        let limit = self.limits.max_curvature * share;
        // The cubic's greatest curvature is 1.5 times its mean.
        let least = 1.5 * turn.abs() / limit;
        self.candidates(start, 0.9 * least, least + 10.0 * self.cell)
            .filter(|(chord, _)| (chord[1].atan2(chord[0]) - turn / 2.0).abs() < 0.3 * turn.abs())
            .filter_map(|(chord, offset)| Some((Curve::turn(chord, turn)?, offset)))
            .filter(|(curve, _)| curve.peak_bend() <= limit && self.limits.allow(curve))
            .min_by(|(a, _), (b, _)| a.length.total_cmp(&b.length))
    }

    /// The crab that shifts the vehicle by about so many cells to the left in
    /// the least length per shift.
    fn crab(&self, heading: usize, shift: f64) -> Option<(Curve, [i32; 2])> {
        if self.limits.max_crab <= 0.0 {
            return None;
        }
        let start = angle(self.directions[heading]);
        let reach = 2.5 * shift.abs() * self.cell / self.limits.max_crab + 2.0 * self.cell;
        self.candidates(start, 0.0, reach)
            .filter(|(chord, _)| (chord[1] / (self.cell * shift) - 1.0).abs() <= 0.4)
            .filter_map(|(chord, offset)| Some((Curve::crab(chord)?, offset, chord[1].abs())))
            .filter(|(curve, ..)| curve.peak_slip() <= self.limits.max_crab)
            .min_by(|a, b| (a.0.length / a.2).total_cmp(&(b.0.length / b.2)))
            .map(|(curve, offset, _)| (curve, offset))
    }

    /// Lattice offsets ahead of a direction at a distance between two bounds,
    /// each with its chord in the frame of the direction.
    fn candidates(
        &self,
        direction: f64,
        least: f64,
        most: f64,
    ) -> impl Iterator<Item = ([f64; 2], [i32; 2])> {
        let (sin, cos) = direction.sin_cos();
        let cell = self.cell;
        let reach = (most / cell).ceil() as i32;
        (-reach..=reach)
            .flat_map(move |y| (-reach..=reach).map(move |x| [x, y]))
            .filter(move |&offset| (least..=most).contains(&(length(offset) * cell)))
            .map(move |offset| {
                let [x, y] = offset.map(|d| f64::from(d) * cell);
                ([cos * x + sin * y, cos * y - sin * x], offset)
            })
            .filter(|(chord, _)| chord[0] > 0.0)
    }
}

/// How far the chain for a lattice vector strays from where a motion is tested,
/// m.
fn drift(vector: [i32; 2], motion: &Motion, cell: f64) -> f64 {
    let start = [[0.0, 0.0]];
    let tested: Vec<_> = start
        .into_iter()
        .chain(motion.steps.iter().map(|step| step.at))
        .collect();
    let away = |point: [i32; 2]| {
        let p = point.map(|c| f64::from(c) * cell);
        let distances = tested.iter().map(|t| (t[0] - p[0]).hypot(t[1] - p[1]));
        distances.fold(f64::INFINITY, f64::min)
    };
    chain(vector, away).map(away).fold(0.0, f64::max)
}

fn quarter_turned([x, y]: [i32; 2], turns: usize) -> [i32; 2] {
    match turns % 4 {
        0 => [x, y],
        1 => [-y, x],
        2 => [-x, -y],
        _ => [y, -x],
    }
}

fn length([x, y]: [i32; 2]) -> f64 {
    f64::from(x).hypot(f64::from(y))
}

fn angle([x, y]: [i32; 2]) -> f64 {
    f64::from(y).atan2(f64::from(x))
}

fn unit(direction: [i32; 2]) -> [f64; 2] {
    let length = length(direction);
    direction.map(|d| f64::from(d) / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primitives(headings: u8) -> Primitives {
        let config = PlannerConfig {
            headings,
            ..PlannerConfig::default()
        };
        Primitives::new(&Vehicle::shuttle(), &config)
    }

    #[test]
    fn every_primitive_ends_on_its_state_within_the_limits() {
        let limits = Limits::new(&Vehicle::shuttle(), &PlannerConfig::default());
        for headings in [16, 32] {
            let set = primitives(headings);
            assert_eq!(set.from.len(), usize::from(headings));
            for (heading, primitive) in set
                .from
                .iter()
                .enumerate()
                .flat_map(|(h, list)| list.iter().map(move |p| (h, p)))
            {
                assert!(limits.allow(&primitive.motion.curve));
                let end = primitive.motion.steps.last().expect("steps");
                let state = primitive.offset.map(|c| f64::from(c) * set.cell);
                assert!((end.at[0] - state[0]).hypot(end.at[1] - state[1]) < 1e-7);
                let unit = set.units[usize::from(primitive.heading)];
                assert!((end.along[0] - unit[0]).hypot(end.along[1] - unit[1]) < 1e-9);
                let turned = wrap(set.angles[usize::from(primitive.heading)] - set.angles[heading]);
                assert!((turned - primitive.motion.curve.heading(1.0)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn every_heading_can_go_straight_turn_and_crab() {
        for headings in [16, 32] {
            for (heading, list) in primitives(headings).from.iter().enumerate() {
                let kind =
                    |wanted: &dyn Fn(&Primitive) -> bool| list.iter().filter(|p| wanted(p)).count();
                let turns = kind(&|p| usize::from(p.heading) != heading);
                let crabs = kind(&|p| p.motion.curve.crab);
                assert!(
                    turns >= usize::from(headings) / 4,
                    "{heading}: {turns} turns"
                );
                assert_eq!(crabs, 4, "{heading}");
                assert_eq!(list.len(), turns + crabs + 2, "{heading}");
            }
        }
    }

    #[test]
    fn turned_by_pi_the_primitives_are_the_same() {
        let set = primitives(16);
        for heading in 0..16 {
            let there = &set.from[usize::from(heading)];
            let back = &set.from[usize::from(set.reversed(heading))];
            for (p, q) in there.iter().zip(back) {
                assert_eq!(p.offset, q.offset.map(|c| -c));
                assert_eq!(p.motion.curve, q.motion.curve);
                for (s, t) in p.motion.steps.iter().zip(&q.motion.steps) {
                    assert_eq!((s.at, s.along), (t.at.map(|c| -c), t.along.map(|c| -c)));
                }
            }
        }
    }
}
