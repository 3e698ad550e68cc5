//! The lanes of a scenario: along its roads, and over its junctions from each
//! road to each other. Traffic keeps to the right.

use std::f64::consts::TAU;

use nalgebra::Vector2;

use super::path::Path;
use super::scenario::{Junction, Road, Scenario};
use super::stance::left_of;
use super::terrain::Terrain;
use crate::roads::{Crossing, Draft, LaneKind, Neighbour, Polyline, Roads};

/// Points of a line are at most so far apart, m.
const STEP: f64 = 2.0;
/// A road that ends so close to a junction's edge leads into it, m.
const TOUCHES: f64 = 1.0;
/// What remains of a road between junctions is no shorter, m.
const SHORTEST: f64 = 1.0;
/// A turn begins so far before where the lanes' lines meet, m.
const TURN: f64 = 6.0;
/// From a road's middle a roundabout is entered and left so much of the way
/// to the next road,
const RING_SHARE: f64 = 0.42;
/// and at most so far, of a turn.
const RING_MOST: f64 = 1.0 / 9.0;
/// Of roads closer to each other than this, of a turn, only one is joined to
/// a roundabout.
const RING_APART: f64 = 0.03;
/// Gates closer than this are not joined, m.
const CLOSEST: f64 = 0.5;

type Place = Vector2<f64>;

/// A part of a road between junctions.
struct Arm<'a> {
    road: &'a Road,
    ends: [Place; 2],
}

/// Where a lane comes to a junction, or leaves it.
#[derive(Clone, Copy)]
struct Gate {
    /// Number of the road's part: nobody turns round into it.
    arm: usize,
    /// The lane, if this is where it begins or ends in its own direction, and
    /// not where one drives against it.
    lane: Option<u64>,
    at: Place,
    /// Direction of who drives there.
    ahead: Place,
    width: f64,
}

/// The gates of a junction.
#[derive(Default)]
struct Gates {
    into: Vec<Gate>,
    out: Vec<Gate>,
}

/// Makes the lanes.
struct Builder<'a> {
    terrain: &'a Terrain,
    drafts: Vec<Draft>,
}

/// The map of a scenario, which is checked.
pub(super) fn roads(scenario: &Scenario, terrain: &Terrain) -> Roads {
    let mut builder = Builder {
        terrain,
        drafts: Vec::new(),
    };
    let mut gates: Vec<Gates> = scenario
        .junctions
        .iter()
        .map(|_| Gates::default())
        .collect();
    let arms = scenario.roads.iter().flat_map(|road| arms(road, scenario));
    for (number, arm) in arms.enumerate() {
        builder.lay(number, &arm, &scenario.junctions, &mut gates);
    }
    for (junction, gates) in scenario.junctions.iter().zip(&gates) {
        match junction.ring {
            Some(radius) => builder.ring(Place::from(junction.at), radius, gates),
            None => builder.turns(gates),
        }
    }
    let crossings = scenario.crossings.iter().filter_map(|crossing| {
        let [from, to] = [crossing.from, crossing.to].map(Place::from);
        let aside = left_of((to - from).normalize()) * (crossing.width / 2.0);
        let edge = |side: Place| builder.points(&[from + side, to + side]);
        Crossing::between(edge(aside), edge(-aside))
    });
    let crossings = crossings.collect();
    Roads::new(builder.drafts, crossings).expect("lanes between lines that are checked")
}

/// The parts of a road that lie outside of junctions.
fn arms<'a>(road: &'a Road, scenario: &Scenario) -> Vec<Arm<'a>> {
    let [from, to] = [road.from, road.to].map(Place::from);
    let length = (to - from).norm();
    let ahead = (to - from) / length;
    let mut cuts: Vec<[f64; 2]> = Vec::new();
    for junction in &scenario.junctions {
        let off = Place::from(junction.at) - from;
        let (along, across) = (off.dot(&ahead), off.dot(&left_of(ahead)));
        let half = junction.radius * junction.radius - across * across;
        if half > 0.0 {
            cuts.push([along - half.sqrt(), along + half.sqrt()]);
        }
    }
    cuts.push([length, length]);
    cuts.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut arms = Vec::new();
    let mut begin = 0.0f64;
    for [cut, goes_on] in cuts {
        let end = cut.min(length);
        if end - begin >= SHORTEST {
            let ends = [begin, end].map(|s| from + ahead * s);
            arms.push(Arm { road, ends });
        }
        begin = begin.max(goes_on);
    }
    arms
}

/// The junction at whose edge a road ends.
fn junction_at(end: Place, junctions: &[Junction]) -> Option<usize> {
    let touches = |j: &Junction| (Place::from(j.at) - end).norm() <= j.radius + TOUCHES;
    junctions.iter().position(touches)
}

impl Builder<'_> {
    /// Points of a line, m, whole millimetres, on the ground.
    fn points(&self, line: &[Place]) -> Vec<[f64; 3]> {
        let whole = |c: f64| (c * 1000.0).round() / 1000.0;
        let mut points = Vec::new();
        for pair in line.windows(2) {
            let pieces = ((pair[1] - pair[0]).norm() / STEP).ceil().max(1.0);
            let count = pieces as u32;
            let part = |i| pair[0] + (pair[1] - pair[0]) * (f64::from(i) / pieces);
            points.extend((0..count).map(part));
        }
        points.extend(line.last());
        let over = |at: &Place| [at.x, at.y, self.terrain.height(*at)].map(whole);
        points.iter().map(over).collect()
    }

    /// A lane along a line of places and directions.
    fn lane(&mut self, line: &[(Place, Place)], width: f64) -> u64 {
        let id = self.drafts.len() as u64;
        let middle: Vec<Place> = line.iter().map(|(at, _)| *at).collect();
        let chord = middle[middle.len() - 1] - middle[0];
        let [left, right] = [width / 2.0, -width / 2.0].map(|side| {
            let beside = line.iter().map(|(at, ahead)| at + left_of(*ahead) * side);
            let border = self.points(&beside.collect::<Vec<_>>());
            // A tight bend may draw its inner border together in a point.
            if Polyline::new(border.iter().copied()).is_some() {
                return border;
            }
            let aside = left_of(chord.normalize()) * side;
            self.points(&[middle[0] + aside, middle[0] + chord + aside])
        });
        self.drafts.push(Draft {
            centre: Some(self.points(&middle)),
            ..Draft::new(id, LaneKind::Vehicle, left, right)
        });
        id
    }

    /// Lets one lane go on into another.
    fn join(&mut self, from: Option<u64>, to: Option<u64>) {
        if let (Some(from), Some(to)) = (from, to) {
            self.drafts[from as usize].successors.push(to);
        }
    }

    /// The lanes of a part of a road, from the right to the left of it: the
    /// first half leads along it, the rest back. One alone leads both ways.
    fn lay(&mut self, number: usize, arm: &Arm<'_>, junctions: &[Junction], gates: &mut [Gates]) {
        let [from, to] = arm.ends;
        let ahead = (to - from).normalize();
        let count = arm.road.lanes;
        let width = arm.road.width / f64::from(count);
        let first = self.drafts.len() as u64;
        let forward = count.div_ceil(2);
        for i in 0..count {
            let aside = left_of(ahead) * ((f64::from(i) + 0.5) * width - arm.road.width / 2.0);
            let (ends, ahead) = match i < forward {
                true => ([from, to], ahead),
                false => ([to, from], -ahead),
            };
            let [begin, end] = ends.map(|end| end + aside);
            let lane = self.lane(&[(begin, ahead), (end, ahead)], width);
            let beside = |other: Option<u32>| {
                let other = other.filter(|other| *other < count)?;
                Some(Neighbour {
                    lane: first + u64::from(other),
                    same_way: (other < forward) == (i < forward),
                })
            };
            let [right, left] = [beside(i.checked_sub(1)), beside(Some(i + 1))];
            let draft = &mut self.drafts[lane as usize];
            (draft.left_neighbour, draft.right_neighbour) = match i < forward {
                true => (left, right),
                false => (right, left),
            };
            draft.both_ways = count == 1;
            let gate = |at, ahead, lane| Gate {
                arm: number,
                lane,
                at,
                ahead,
                width,
            };
            let [before, behind] = ends.map(|end| junction_at(end, junctions));
            if let Some(junction) = before {
                gates[junction].out.push(gate(begin, ahead, Some(lane)));
                if count == 1 {
                    gates[junction].into.push(gate(begin, -ahead, None));
                }
            }
            if let Some(junction) = behind {
                gates[junction].into.push(gate(end, ahead, Some(lane)));
                if count == 1 {
                    gates[junction].out.push(gate(end, -ahead, None));
                }
            }
        }
    }

    /// A lane from each road to each other.
    fn turns(&mut self, gates: &Gates) {
        for into in &gates.into {
            for out in gates.out.iter().filter(|out| out.arm != into.arm) {
                let lane = self.bend(into, out);
                self.join(into.lane, lane);
                self.join(lane, out.lane);
            }
        }
    }

    /// A lane from one gate to another, with its corners rounded off.
    fn bend(&mut self, from: &Gate, to: &Gate) -> Option<u64> {
        let off = to.at - from.at;
        if off.norm() < CLOSEST {
            return None;
        }
        // Where the lines of both meet: ahead of the one, behind the other.
        let across = from.ahead.x * to.ahead.y - from.ahead.y * to.ahead.x;
        let by = |v: Place| (off.x * v.y - off.y * v.x) / across;
        let (far, near) = (by(to.ahead), by(from.ahead));
        let near_by = CLOSEST..2.0 * off.norm();
        let meets = across.abs() > 0.1 && near_by.contains(&far) && near_by.contains(&-near);
        let third = off.norm() / 3.0;
        let corners = match meets {
            true => vec![from.at + from.ahead * far],
            false => vec![from.at + from.ahead * third, to.at - to.ahead * third],
        };
        let mut points: Vec<[f64; 2]> = vec![from.at.into()];
        points.extend(corners.into_iter().map(<[f64; 2]>::from));
        points.push(to.at.into());
        let path = Path::new(&points, TURN, false);
        Some(self.lane(&along(&path), from.width.min(to.width)))
    }

    /// A lane around a roundabout, anticlockwise, with ways in and out.
    fn ring(&mut self, centre: Place, radius: f64, gates: &Gates) {
        let share = |at: Place| {
            let off = at - centre;
            (off.y.atan2(off.x) / TAU).rem_euclid(1.0)
        };
        // By arm, where around the ring it comes; an arm has a gate or more.
        let mut arms: Vec<(f64, usize)> = Vec::new();
        for gate in gates.into.iter().chain(&gates.out) {
            if arms.iter().all(|(_, arm)| *arm != gate.arm) {
                let own = gates.into.iter().chain(&gates.out);
                let own = own.filter(|other| other.arm == gate.arm).map(|g| g.at);
                let (sum, count) = own.fold((Place::zeros(), 0.0), |(s, n), at| (s + at, n + 1.0));
                arms.push((share(sum / count), gate.arm));
            }
        }
        arms.sort_by(|a, b| a.0.total_cmp(&b.0));
        arms.dedup_by(|after, before| after.0 - before.0 < RING_APART);
        if let [first, .., last] = *arms
            && first.0 + 1.0 - last.0 < RING_APART
        {
            arms.pop();
        }
        let gaps = (0..arms.len()).map(|i| {
            let next = arms[(i + 1) % arms.len()].0 + if i + 1 == arms.len() { 1.0 } else { 0.0 };
            next - arms[i].0
        });
        let least = gaps.fold(1.0, f64::min);
        let aside = (least * RING_SHARE).min(RING_MOST);
        let width = gates.into.iter().chain(&gates.out).map(|gate| gate.width);
        let width = width.fold(3.0, f64::max).min(radius);
        let at = |share: f64| {
            let (sin, cos) = (share * TAU).sin_cos();
            (
                centre + Place::new(cos, sin) * radius,
                Place::new(-sin, cos),
            )
        };
        // From each way out to the way in behind it, and on to the next way
        // out.
        let mut pieces: Vec<[u64; 2]> = Vec::new();
        for i in 0..arms.len() {
            let next = arms[(i + 1) % arms.len()].0 + if i + 1 == arms.len() { 1.0 } else { 0.0 };
            let [out, into] = [arms[i].0 - aside, arms[i].0 + aside];
            let arc = |from: f64, to: f64| -> Vec<(Place, Place)> {
                let pieces = ((to - from) * TAU * radius).ceil().max(1.0);
                let count = pieces as u32;
                let part = |k| at(from + (to - from) * (f64::from(k) / pieces));
                (0..=count).map(part).collect()
            };
            let past = self.lane(&arc(out, into), width);
            let on = self.lane(&arc(into, next - aside), width);
            pieces.push([past, on]);
        }
        for (i, (middle, arm)) in arms.iter().enumerate() {
            let [past, on] = pieces[i];
            let before = pieces[(i + arms.len() - 1) % arms.len()][1];
            self.join(Some(past), Some(on));
            self.join(Some(before), Some(past));
            let node = |lane, turned: f64| {
                let (at, ahead) = at(middle + turned);
                Gate {
                    arm: *arm,
                    lane: Some(lane),
                    at,
                    ahead,
                    width,
                }
            };
            for gate in gates.into.iter().filter(|gate| gate.arm == *arm) {
                let lane = self.bend(gate, &node(on, aside));
                self.join(gate.lane, lane);
                self.join(lane, Some(on));
            }
            for gate in gates.out.iter().filter(|gate| gate.arm == *arm) {
                let lane = self.bend(&node(before, -aside), gate);
                self.join(Some(before), lane);
                self.join(lane, gate.lane);
            }
        }
    }
}

/// Places and directions along a path.
fn along(path: &Path) -> Vec<(Place, Place)> {
    let pieces = path.length().ceil().max(1.0);
    let part = |i| path.at(path.length() * (f64::from(i) / pieces));
    (0..=pieces as u32).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: &str) -> Roads {
        let scenario = Scenario::named(name).expect("is built in");
        roads(&scenario, &Terrain::new(&scenario))
    }

    /// Where one can get to from the lane at a place, driven in a direction.
    fn reached(roads: &Roads, at: [f64; 2], yaw: f64) -> Vec<bool> {
        let start = roads.nearest(at, yaw, 2.0).expect("is on a lane");
        let backwards = (yaw - start.heading).cos() < 0.0;
        let mut open = vec![(start.lane, backwards)];
        let mut reached = vec![[false; 2]; roads.lanes().len()];
        while let Some((lane, backwards)) = open.pop() {
            if !std::mem::replace(&mut reached[lane][usize::from(backwards)], true) {
                let onward = roads.onward(lane, backwards).iter();
                open.extend(onward.map(|passage| (passage.lane, passage.backwards)));
            }
        }
        reached.into_iter().map(|[on, back]| on || back).collect()
    }

    #[test]
    fn every_road_of_a_crossing_leads_to_each_other() {
        let roads = map("crossing");
        // Four roads of two lanes, and from each three ways on.
        assert_eq!(roads.lanes().len(), 8 + 12);
        assert_eq!(roads.crossings().len(), 2);
        assert!(roads.crossings()[0].holds([1.75, -10.0]));
        let north = roads.nearest([1.75, -30.0], 1.5, 0.5).expect("keeps right");
        assert!(north.beside.distance < 0.2);
        assert_eq!(roads.lanes()[north.lane].successors.len(), 3);
        let left = roads.lanes()[north.lane].left_neighbour.expect("has one");
        assert!(!left.same_way);
        // Straight over, to the right, and to the left through the middle.
        let ends = roads.lanes()[north.lane].successors.iter().map(|turn| {
            let turn = &roads.lanes()[*turn];
            assert_eq!(turn.successors.len(), 1);
            let after = &roads.lanes()[turn.successors[0]].centre;
            let (end, begin) = (turn.centre.at(f64::INFINITY), after.at(0.0));
            assert!((end.at[0] - begin.at[0]).hypot(end.at[1] - begin.at[1]) < 2e-3);
            assert!((end.heading - begin.heading).cos() > 0.99);
            begin.heading.to_degrees().round().rem_euclid(360.0)
        });
        let mut ends: Vec<f64> = ends.collect();
        ends.sort_by(f64::total_cmp);
        assert_eq!(ends, [0.0, 90.0, 180.0]);
    }

    #[test]
    fn a_roundabout_is_driven_anticlockwise_from_everywhere_to_everywhere() {
        let roads = map("roundabout");
        let ring = roads.nearest([11.9, 0.0], 1.57, 0.5).expect("is there");
        assert!((ring.heading - 1.57).abs() < 0.1);
        assert_eq!(roads.nearest([11.9, 0.0], -1.57, 0.5), None);
        for (at, yaw) in [
            ([-40.0, -1.9], 0.0),
            ([1.9, -40.0], 1.57),
            ([40.0, 1.9], 3.1),
        ] {
            let reached = reached(&roads, at, yaw);
            for out in [[-40.0, 1.9], [-1.9, -40.0], [40.0, -1.9], [1.9, 40.0]] {
                let away = f64::atan2(out[1], out[0]);
                let lane = roads.nearest(out, away, 1.0).expect("is there");
                assert!(reached[lane.lane], "{at:?} to {out:?}");
            }
        }
    }

    /// In by the alley's only end, and out again backwards.
    #[test]
    fn a_single_track_is_driven_both_ways() {
        let roads = map("dead_end_alley");
        let alley = roads.nearest([20.0, 0.0], 0.0, 1.0).expect("is there").lane;
        assert!(roads.lanes()[alley].both_ways);
        assert_eq!(
            roads.lanes().iter().filter(|lane| lane.both_ways).count(),
            1
        );
        let from_street = reached(&roads, [-13.0, -20.0], 1.57);
        assert!(from_street[alley]);
        let from_alley = reached(&roads, [20.0, 0.0], 3.1);
        for (street, yaw) in [([-13.0, 20.0], 1.57), ([-17.0, -20.0], -1.57)] {
            let lane = roads.nearest(street, yaw, 1.0).expect("is there").lane;
            assert!(from_alley[lane], "{street:?}");
        }
        let into_alley = reached(&roads, [20.0, 0.0], 0.0);
        assert_eq!(
            into_alley.iter().filter(|reached| **reached).count(),
            1,
            "a dead end"
        );
        assert!(
            map("narrow_street")
                .lanes()
                .iter()
                .all(|lane| lane.both_ways)
        );
    }

    #[test]
    fn every_scenario_has_a_map_on_its_ground() {
        for name in Scenario::names() {
            let scenario = Scenario::named(name).expect("is built in");
            let terrain = Terrain::new(&scenario);
            let roads = roads(&scenario, &terrain);
            assert!(!roads.lanes().is_empty(), "{name}");
            assert_eq!(roads.crossings().len(), scenario.crossings.len());
            for lane in roads.lanes() {
                for [x, y, z] in lane.centre.points() {
                    let ground = terrain.height(Place::new(*x, *y));
                    assert!((z - ground).abs() < 0.2, "{name}: {x} {y} {z}");
                }
                for station in lane.centre.stations() {
                    assert!(lane.width(*station) > 2.0, "{name}: lane {}", lane.id);
                }
            }
        }
    }
}
