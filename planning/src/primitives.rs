//! Motion primitives: the curves between neighbouring states of the lattice.
//!
//! The lattice lies in the frame of the start, so that the start is its origin
//! and heading 0 is the direction in which one of its ends points. Every
//! primitive ends exactly on a state.

use crate::collision::Footprint;
use crate::config::PlannerConfig;
use crate::curve::Curve;
use crate::generator::Link;
use crate::headings::{Headings, quarter_turned};
use crate::heuristic::chain;
use crate::price::Prices;
use crate::vehicle::Vehicle;
use crate::window::State;

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
        let swing = 1.0 + curve.peak_turning() * limits.reach;
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
    /// Of each axle its distance from base_link, m, and the tangent of its
    /// greatest steering angle.
    axles: [[f64; 2]; 2],
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
            axles: [
                [vehicle.axles()[0].abs(), vehicle.max_steer_a.tan()],
                [vehicle.axles()[1].abs(), vehicle.max_steer_b.tan()],
            ],
            reach: Footprint::new(vehicle, 0.0).reach(),
            margin: config.margin_m,
            prices: Prices::new(&config.costs, vehicle),
        }
    }

    /// Whether the vehicle can follow a curve.
    pub(crate) fn allow(&self, curve: &Curve) -> bool {
        if curve.peak_turning_rate() > self.max_curvature_rate {
            return false;
        }
        if !curve.slips() {
            return curve.peak_bend() <= self.max_curvature;
        }
        // Where the vehicle turns, slip and turning are both greatest in the
        // middle; of one of the axles they add up.
        let slip = curve.peak_slip();
        let turning = curve.peak_turning() / slip.cos();
        slip <= self.max_crab
            && self
                .axles
                .iter()
                .all(|[x, most]| slip.tan() + turning * x <= *most)
    }

    /// The same limits, but a share of the steering.
    pub(crate) fn sharing(&self, share: f64) -> Self {
        Self {
            max_curvature: self.max_curvature * share,
            max_crab: self.max_crab * share,
            axles: self.axles.map(|[x, most]| [x, most * share]),
            ..self.clone()
        }
    }
}

/// How the wheels stand in a state: the steering mode with which it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wheels {
    /// Along the axis.
    Straight,
    /// Of both axles turned to the left of it by the same angle.
    Left,
    /// The same to the right.
    Right,
}

impl Wheels {
    pub(crate) const ALL: [Self; 3] = [Self::Straight, Self::Left, Self::Right];

    pub(crate) fn is_straight(self) -> bool {
        self == Self::Straight
    }

    /// How they stand where the vehicle moves at an angle to its axis without
    /// turning, rad.
    pub(crate) fn of_slip(slip: f64) -> Self {
        if slip == 0.0 {
            Self::Straight
        } else if slip > 0.0 {
            Self::Left
        } else {
            Self::Right
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
    /// The state's wheels.
    pub(crate) wheels: Wheels,
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
    /// Direction of motion with the wheels to the left and to the right, from
    /// the heading, rad; 0 where no primitive slides.
    slips: [Vec<f64>; 2],
    /// What leads away from each heading with the wheels straight, then to the
    /// left, then to the right.
    from: Vec<Vec<Primitive>>,
    /// No point of the chain of lattice steps that stands for a primitive in
    /// the heuristic is farther than this from a pose tested along it, m.
    pub(crate) drift: f64,
    /// Length of the longest, m.
    pub(crate) longest: f64,
}

impl Primitives {
    /// From what leads away from each heading of the first quarter turn.
    pub(crate) fn new(quarter: &[Vec<Link>], headings: u8, cell: f64, limits: &Limits) -> Self {
        let headings = Headings::new(headings);
        let leaving = |wheels: Wheels, heading: usize| {
            let [turns, base] = headings.split(heading);
            let primitive = |link: &Link| Primitive {
                motion: Motion::new(link.curve, headings.aside(heading, link.curve.slip), limits),
                offset: quarter_turned(link.offset, turns),
                heading: headings.turned(usize::from(link.to), turns) as u8,
                wheels: link.wheels()[1],
            };
            let leaving = quarter[base]
                .iter()
                .filter(|link| link.wheels()[0] == wheels);
            leaving.map(primitive).collect()
        };
        let all = 0..headings.count();
        let states = Wheels::ALL.map(|wheels| all.clone().map(move |heading| (wheels, heading)));
        let from: Vec<Vec<Primitive>> = states
            .into_iter()
            .flatten()
            .map(|(wheels, heading)| leaving(wheels, heading))
            .collect();
        let slip = |wheels: Wheels, heading: usize| {
            let [_, base] = headings.split(heading);
            let link = quarter[base].iter().find(|link| link.wheels()[0] == wheels);
            link.map_or(0.0, |link| link.curve.slip)
        };
        let slips = [Wheels::Left, Wheels::Right]
            .map(|wheels| all.clone().map(|heading| slip(wheels, heading)).collect());
        let each = || from.iter().flatten();
        let strays = |p: &Primitive| drift(p.offset, &p.motion, cell);
        let drift = each().map(strays).fold(0.0, f64::max);
        let longest = each().map(|p| p.motion.curve.length).fold(0.0, f64::max);
        Self {
            cell,
            units: all.clone().map(|h| headings.unit(h)).collect(),
            angles: all.map(|h| headings.angle(h)).collect(),
            slips,
            from,
            drift,
            longest,
        }
    }

    /// Place of a lattice point in the lattice's frame, m.
    pub(crate) fn place(&self, at: [i32; 2]) -> [f64; 2] {
        at.map(|c| f64::from(c) * self.cell)
    }

    /// What leads away from a state.
    pub(crate) fn leaving(&self, state: State) -> &[Primitive] {
        &self.from[self.kind(state)]
    }

    /// Which of [`Primitives::kinds`] a state is.
    pub(crate) fn kind(&self, state: State) -> usize {
        state.wheels as usize * self.units.len() + usize::from(state.heading)
    }

    /// What leads away from the states of each kind: states are alike that
    /// differ in their place and the end that leads.
    pub(crate) fn kinds(&self) -> &[Vec<Primitive>] {
        &self.from
    }

    /// Whether any of them slides.
    pub(crate) fn slide(&self) -> bool {
        self.from[self.units.len()..]
            .iter()
            .any(|leaving| !leaving.is_empty())
    }

    /// Direction of motion of a state, rad.
    pub(crate) fn direction(&self, state: State) -> f64 {
        let heading = usize::from(state.heading);
        let slip = match state.wheels {
            Wheels::Straight => 0.0,
            Wheels::Left => self.slips[0][heading],
            Wheels::Right => self.slips[1][heading],
        };
        self.angles[heading] + slip
    }

    /// The heading turned by π.
    pub(crate) fn reversed(&self, heading: u8) -> u8 {
        let count = self.units.len();
        ((usize::from(heading) + count / 2) % count) as u8
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::Follows;
    use crate::pose::wrap;
    use crate::primitive_set::PrimitiveSet;
    use crate::vehicle::End;

    fn primitives(headings: u8) -> Primitives {
        let config = PlannerConfig {
            headings,
            ..PlannerConfig::default()
        };
        let vehicle = Vehicle::shuttle();
        let limits = Limits::new(&vehicle, &config);
        let set = PrimitiveSet::generate(&vehicle, &config).expect("valid");
        let links = set.links(&vehicle, &limits).expect("its own");
        Primitives::new(links, headings, config.cell_m, &limits)
    }

    fn wheels_of(set: &Primitives, kind: usize) -> Wheels {
        Wheels::ALL[kind / set.units.len()]
    }

    #[test]
    fn every_primitive_ends_on_its_state_within_the_limits() {
        let limits = Limits::new(&Vehicle::shuttle(), &PlannerConfig::default());
        for headings in [16, 32] {
            let set = primitives(headings);
            assert_eq!(set.from.len(), 3 * usize::from(headings));
            for (kind, primitive) in set
                .from
                .iter()
                .enumerate()
                .flat_map(|(kind, list)| list.iter().map(move |p| (kind, p)))
            {
                let heading = kind % usize::from(headings);
                assert!(limits.allow(&primitive.motion.curve));
                let end = primitive.motion.steps.last().expect("steps");
                let state = primitive.offset.map(|c| f64::from(c) * set.cell);
                assert!((end.at[0] - state[0]).hypot(end.at[1] - state[1]) < 1e-7);
                let unit = set.units[usize::from(primitive.heading)];
                assert!((end.along[0] - unit[0]).hypot(end.along[1] - unit[1]) < 1e-9);
                let turned = wrap(set.angles[usize::from(primitive.heading)] - set.angles[heading]);
                let curve = &primitive.motion.curve;
                assert!((turned - curve.heading(1.0) + curve.heading(0.0)).abs() < 1e-9);
                let slip = curve.end_slip();
                assert_eq!(primitive.wheels, Wheels::of_slip(slip));
                let before = wheels_of(&set, kind);
                assert_eq!(before, Wheels::of_slip(curve.slip));
                let next = State {
                    at: [0, 0],
                    heading: primitive.heading,
                    lead: End::A,
                    wheels: primitive.wheels,
                };
                let along = set.direction(next) - set.angles[usize::from(primitive.heading)];
                assert!((along - slip).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn every_heading_can_go_straight_turn_crab_and_slide() {
        for headings in [16, 32] {
            let all = primitives(headings);
            let mut mixed = 0;
            for (heading, list) in all.from.iter().take(usize::from(headings)).enumerate() {
                let count =
                    |wanted: &dyn Fn(&Primitive) -> bool| list.iter().filter(|p| wanted(p)).count();
                let to_side = |p: &Primitive| p.motion.curve.turn;
                let slides = |p: &Primitive| p.motion.curve.axis == Follows::Nothing;
                for side in [1.0, -1.0] {
                    let turns = count(&|p| !slides(p) && side * to_side(p) > 0.0);
                    assert!(turns >= 2, "{heading}: {turns} turns");
                    let crabs = count(&|p| to_side(p) == 0.0 && side * p.motion.curve.bump > 0.0);
                    assert!(crabs >= 1, "{heading}: {crabs} crabs");
                }
                assert!(count(&|p| p.motion.curve == Curve::straight(p.motion.curve.length)) >= 1);
                assert_eq!(count(&slides), 2);
                mixed += count(&|p| to_side(p) != 0.0 && p.motion.curve.axis == Follows::Turn);
            }
            assert!(mixed > 0, "none turns and crabs at once");
        }
    }

    #[test]
    fn turned_by_pi_the_primitives_are_the_same() {
        let set = primitives(16);
        for kind in 0..48 {
            let (wheels, heading) = (kind / 16, kind % 16);
            let there = &set.from[kind];
            let back = &set.from[16 * wheels + usize::from(set.reversed(heading as u8))];
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
