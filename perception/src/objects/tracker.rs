//! Everything that is followed, from one frame to the next.

use janus_datasets::roads::Roads;
use rayon::prelude::*;

use super::association::{Pair, associate};
use super::config::ObjectsConfig;
use super::fuse::{Call, Fused};
use super::measure::{Expected, Measured, View, measure, outline_of, side};
use super::merged::measure_within;
use super::object::Object;
use super::rectangle::Rectangle;
use super::segment::{Segment, Segments};
use super::shape::{LARGEST_M, may_be_called};
use super::track::Track;

/// What is first seen by fewer returns is nothing yet.
const LEAST_POINTS: u32 = 8;
/// Clusters within a thing's box, or so close beside it, are parts of it, m.
const BESIDE_M: f64 = 0.3;
/// What is so much larger than a thing is not that thing alone, m.
const OVERSHOOT_M: f64 = 0.5;
/// A metre of that is as unlikely as so many standard deviations, squared.
const OVERSHOOT_COST: f64 = 4.0;
/// So far from a thing a measurement of it is not looked for, m.
const FAR_M: f64 = 5.0;
/// From this share of free cells under it on, a thing is in full view.
const VISIBLE: f64 = 0.4;
/// So likely something is found of which nothing is known to be in view.
const HIDDEN: f64 = 0.1;
/// What is odder than this is no longer followed, nats.
const GONE: f64 = -2.0;
/// Nor what is so uncertain, m.
const LOST_M: f64 = 4.0;
/// The most that is followed.
const MOST: usize = 2000;

/// Follows things.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker {
    tracks: Vec<Track>,
    /// The next thing's.
    next_id: u64,
}

/// What the frame holds for the tracker.
pub(super) struct Sight<'a> {
    /// ns.
    pub(super) stamp: i64,
    pub(super) view: View<'a>,
    pub(super) segments: &'a Segments,
    pub(super) fused: &'a Fused,
    pub(super) config: &'a ObjectsConfig,
}

/// Segments that are one thing, or may be.
type Group = Vec<usize>;

impl Tracker {
    /// Forgets all that is followed. No identity is given again.
    pub(super) fn forget(&mut self) {
        self.tracks.clear();
    }

    /// Lets `dt` seconds pass, and takes in what was seen at their end. Gives
    /// how many things are new and not followed, for there are too many.
    pub(super) fn step(&mut self, dt: f64, sight: &Sight<'_>) -> usize {
        for track in &mut self.tracks {
            track.filter.predict(dt);
        }
        let groups = self.group(sight);
        let mut seen = vec![false; self.tracks.len()];
        let mut free = vec![true; groups.len()];
        self.assign_groups(sight, &groups, &mut seen, &mut free);
        let apart = seen.clone();
        self.find_merged(sight, &mut seen);
        let sightings = self.assign_sightings(sight, &apart, &mut seen);
        self.miss(sight, &seen);
        self.end(sight);
        self.begin(sight, &groups, &free, &sightings)
    }

    /// What is surely there, in the order of identities.
    pub(super) fn objects(&self, stamp: i64, roads: Option<&Roads>) -> Vec<Object> {
        let surely = self.tracks.iter().filter(|track| track.is_there(stamp));
        surely.map(|track| track.object(stamp, roads)).collect()
    }

    /// Segments that lie within the box of one thing are one; all others are
    /// alone.
    fn group(&self, sight: &Sight<'_>) -> Vec<Group> {
        let list = &sight.segments.list;
        let candidates = list
            .iter()
            .enumerate()
            .filter(|(_, segment)| !segment.is_structure && !segment.hull.is_empty());
        let mut order: Vec<usize> = candidates.map(|(i, _)| i).collect();
        let west = |i: usize| list[i].bounds[0][0];
        order.sort_by(|a, b| west(*a).total_cmp(&west(*b)).then(a.cmp(b)));
        let mut taken = vec![false; list.len()];
        let mut groups = Vec::new();
        for track in self.tracks.iter().filter(|track| track.confirmed) {
            let Expected {
                rectangle,
                velocity,
                ..
            } = track.expected(&sight.view);
            let reach = rectangle.size[0].hypot(rectangle.size[1]) / 2.0 + FAR_M;
            let first = order.partition_point(|i| west(*i) < rectangle.centre[0] - reach);
            let near = order[first..].iter();
            let near = near.take_while(|i| west(**i) < rectangle.centre[0] + reach);
            let inside = |segment: &Segment| {
                let mut places = segment.hull.iter().map(|s| s.moved(velocity));
                places.all(|place| rectangle.holds(place, BESIDE_M))
            };
            let parts: Group = near
                .copied()
                .filter(|i| !taken[*i] && inside(&list[*i]))
                .collect();
            if parts.len() > 1 {
                parts.iter().for_each(|i| taken[*i] = true);
                groups.push(parts);
            }
        }
        groups.extend(order.into_iter().filter(|i| !taken[*i]).map(|i| vec![i]));
        groups
    }

    /// Gives each thing the group that it was most likely seen as.
    fn assign_groups(
        &mut self,
        sight: &Sight<'_>,
        groups: &[Group],
        seen: &mut [bool],
        free: &mut [bool],
    ) {
        let bounds_of: Vec<[[f64; 2]; 2]> = groups.iter().map(|g| bounds(sight, g)).collect();
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by(|a, b| {
            bounds_of[*a][0][0]
                .total_cmp(&bounds_of[*b][0][0])
                .then(a.cmp(b))
        });
        let widest = bounds_of.iter().map(|[min, max]| max[0] - min[0]);
        let widest = widest.fold(0.0, f64::max);
        let candidates = |track: &Track| {
            let expected = track.expected(&sight.view);
            let [x, y] = expected.rectangle.centre;
            let reach = FAR_M + expected.rectangle.size[0] / 2.0;
            let first = order.partition_point(|i| bounds_of[*i][0][0] < x - reach - widest);
            let near = order[first..].iter().copied();
            let near = near.take_while(|i| bounds_of[*i][0][0] <= x + reach);
            let near = near.filter(|i| {
                let [min, max] = bounds_of[*i];
                max[0] >= x - reach && min[1] <= y + reach && max[1] >= y - reach
            });
            let found = near.filter_map(|column| {
                let measured = measure(&sight.view, &expected, &segments(sight, &groups[column]))?;
                let over = track.overshoot(&measured);
                let cost = track.filter.distance(&measured.place) + OVERSHOOT_COST * over;
                let may_be = over <= OVERSHOOT_M || !track.confirmed;
                may_be.then_some((column, cost, measured))
            });
            found.collect()
        };
        let found: Vec<Vec<(usize, f64, Measured)>> =
            self.tracks.par_iter().map(candidates).collect();
        let of_rows = found.iter().enumerate();
        let pairs = of_rows.flat_map(|(row, found)| {
            found
                .iter()
                .map(move |&(column, cost, _)| Pair { row, column, cost })
        });
        let pairs: Vec<Pair> = pairs.collect();
        let gate = sight.config.gate;
        let assigned = associate(self.tracks.len(), groups.len(), &pairs, gate);
        for (row, found) in found.into_iter().enumerate() {
            let mut found = found.into_iter();
            let own = found.find(|(column, ..)| assigned[row] == Some(*column));
            let Some((column, _, mut measured)) = own else {
                continue;
            };
            let calls = calls(sight, &groups[column]);
            let expected = self.tracks[row].expected(&sight.view);
            measured.side = side(&expected, &segments(sight, &groups[column]));
            self.tracks[row].update(sight.stamp, &measured, &calls, true, sight.config);
            seen[row] = true;
            free[column] = false;
        }
    }

    /// Looks for things that were not seen by themselves in larger clusters.
    fn find_merged(&mut self, sight: &Sight<'_>, seen: &mut [bool]) {
        let unseen = self.tracks.iter_mut().zip(seen.iter_mut());
        for (track, seen) in unseen.filter(|(track, seen)| track.confirmed && !**seen) {
            let expected = track.expected(&sight.view);
            let Some(measured) = measure_within(sight, &expected) else {
                continue;
            };
            if track.filter.distance(&measured.place) < sight.config.gate {
                track.update(sight.stamp, &measured, &[], false, sight.config);
                *seen = true;
            }
        }
    }

    /// Gives each thing that no lidar saw apart from everything else the box in
    /// a picture that may be it. A box of what a lidar saw so, whose cluster
    /// was another's or looked otherwise, tells its class alone. Returns the
    /// boxes that are nothing known.
    fn assign_sightings(
        &mut self,
        sight: &Sight<'_>,
        apart: &[bool],
        seen: &mut [bool],
    ) -> Vec<usize> {
        let sightings = &sight.fused.sightings;
        let gate = sight.config.gate;
        let mut pairs = Vec::new();
        // Of each box what a lidar saw nearest to it, and how far that is.
        let mut nearest: Vec<Option<(usize, f64)>> = vec![None; sightings.len()];
        for (row, track) in self.tracks.iter().enumerate() {
            for (column, sighting) in sightings.iter().enumerate() {
                let cost = track.filter.distance(&sighting.place);
                if cost >= gate || !may_be_called(track.class(), sighting.call.class) {
                    continue;
                }
                if !apart[row] {
                    pairs.push(Pair { row, column, cost });
                } else if nearest[column].is_none_or(|(_, least)| cost < least) {
                    nearest[column] = Some((row, cost));
                }
            }
        }
        pairs.retain(|pair| nearest[pair.column].is_none_or(|(_, least)| pair.cost < least));
        let assigned = associate(self.tracks.len(), sightings.len(), &pairs, gate);
        let mut rest = vec![true; sightings.len()];
        for (row, column) in assigned.into_iter().enumerate() {
            let Some(column) = column else { continue };
            let sighting = &sightings[column];
            self.tracks[row].sight(sight.stamp, &sighting.place, &sighting.call, sight.config);
            seen[row] = true;
            rest[column] = false;
        }
        for (column, nearest) in nearest.into_iter().enumerate() {
            if let Some((row, _)) = nearest.filter(|_| rest[column]) {
                self.tracks[row].call(sight.stamp, &[sightings[column].call]);
                rest[column] = false;
            }
        }
        (0..rest.len()).filter(|i| rest[*i]).collect()
    }

    /// Notes what was not seen, and whether it should have been.
    fn miss(&mut self, sight: &Sight<'_>, seen: &[bool]) {
        let unseen = self.tracks.iter_mut().zip(seen).filter(|(_, seen)| !**seen);
        for (track, _) in unseen {
            let free = sight.view.free_share(&track.rectangle());
            let visible = if free >= VISIBLE { 1.0 } else { HIDDEN };
            track.miss(visible, sight.config);
        }
    }

    /// Gives up what is gone, lost, or followed twice.
    fn end(&mut self, sight: &Sight<'_>) {
        let coast = (sight.config.coast_s * 1e9) as i64;
        self.tracks.retain(|track| {
            let estimate = track.filter.estimate();
            let spread = estimate.covariance[(0, 0)].max(estimate.covariance[(1, 1)]);
            let finite = estimate.mean.iter().all(|c| c.is_finite());
            let [x, y] = [estimate.mean[0], estimate.mean[1]];
            finite
                && track.score > GONE
                && sight.stamp - track.measured <= coast
                && spread.sqrt()
                    < LOST_M.max(0.3 * (x - sight.view.from[0]).hypot(y - sight.view.from[1]))
                && sight.view.reaches([x, y])
        });
        let mut gone = self.twice().into_iter();
        self.tracks.retain(|_| gone.next() != Some(true));
    }

    /// Which things are followed twice. The surer are looked at first, of equals
    /// the older, each with what is as near as it is long: so a part of a thing
    /// that is followed by itself goes, however sure it is.
    fn twice(&self) -> Vec<bool> {
        let mut order: Vec<usize> = (0..self.tracks.len()).collect();
        order.sort_by(|a, b| {
            let [a, b] = [&self.tracks[*a], &self.tracks[*b]];
            let confirmed = b.confirmed.cmp(&a.confirmed);
            let surer = confirmed.then(b.score.total_cmp(&a.score));
            surer.then(a.id.cmp(&b.id))
        });
        let boxes: Vec<Rectangle> = self.tracks.iter().map(Track::rectangle).collect();
        let x = |i: usize| boxes[i].centre[0];
        let mut west = order.clone();
        west.sort_by(|a, b| x(*a).total_cmp(&x(*b)).then(a.cmp(b)));
        let mut gone = vec![false; boxes.len()];
        for &a in &order {
            if gone[a] {
                continue;
            }
            let reach = boxes[a].size[0];
            let first = west.partition_point(|i| x(*i) < x(a) - reach);
            let near = west[first..].iter().take_while(|i| x(**i) <= x(a) + reach);
            for &b in near.filter(|b| **b != a) {
                gone[b] |=
                    boxes[a].holds(boxes[b].centre, -0.2) || boxes[b].holds(boxes[a].centre, -0.2);
            }
        }
        gone
    }

    /// Begins to follow what nothing known was seen as. Gives how much of that
    /// there is no room for.
    fn begin(
        &mut self,
        sight: &Sight<'_>,
        groups: &[Group],
        free: &[bool],
        sightings: &[usize],
    ) -> usize {
        let known: Vec<Rectangle> = self.tracks.iter().map(Track::rectangle).collect();
        let new = |at: [f64; 2]| !known.iter().any(|rectangle| rectangle.holds(at, 0.0));
        let mut born = Vec::new();
        let mut next_id = self.next_id;
        for (group, _) in groups.iter().zip(free).filter(|(_, free)| **free) {
            let parts = segments(sight, group);
            let Some(around) = outline_of(&parts) else {
                continue;
            };
            let large = (0..2).any(|k| around.size[k] > LARGEST_M[k]);
            let points: u32 = parts.iter().map(|segment| segment.points).sum();
            let few = points < LEAST_POINTS;
            if few || large || !new(around.centre) {
                continue;
            }
            let calls = calls(sight, group);
            let seen_as = |expected: &Expected| measure(&sight.view, expected, &parts);
            let track = Track::born(next_id, sight.stamp, &sight.view, &around, &calls, seen_as);
            born.extend(track);
            next_id += 1;
        }
        for sighting in sightings.iter().map(|i| &sight.fused.sightings[*i]) {
            let place = &sighting.place;
            if new(place.at) && sight.view.reaches(place.at) {
                let (call, ground) = (&sighting.call, sighting.ground);
                born.push(Track::sighted(next_id, sight.stamp, call, place, ground));
                next_id += 1;
            }
        }
        let room = MOST.saturating_sub(known.len());
        let left_out = born.len().saturating_sub(room);
        born.truncate(room);
        self.next_id = next_id;
        self.tracks.append(&mut born);
        left_out
    }
}

fn segments<'a>(sight: &'a Sight<'_>, group: &[usize]) -> Vec<&'a Segment> {
    group.iter().map(|i| &sight.segments.list[*i]).collect()
}

fn calls(sight: &Sight<'_>, group: &[usize]) -> Vec<Call> {
    let of_parts = group.iter().filter_map(|i| sight.fused.calls.get(*i));
    of_parts.flatten().copied().collect()
}

fn bounds(sight: &Sight<'_>, group: &[usize]) -> [[f64; 2]; 2] {
    let boxes = group.iter().map(|i| sight.segments.list[*i].bounds);
    let nothing = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    boxes.fold(nothing, |[min, max], [low, high]| {
        let k = [0, 1];
        [
            k.map(|k| min[k].min(low[k])),
            k.map(|k| max[k].max(high[k])),
        ]
    })
}

#[cfg(test)]
mod tests {
    use janus_datasets::{Class, Pose};
    use nalgebra::Matrix2;

    use super::super::filter::Place;
    use super::super::fuse::Sighting;
    use super::super::ground::{self, Ground, Plane};
    use super::super::segment::Return;
    use super::super::square::Square;
    use super::*;
    use crate::grid::Grid;

    /// Returns from the sides of a box up to its height, m.
    fn sides(at: [f64; 2], [length, width, height]: [f64; 3]) -> Vec<Return> {
        let around = Rectangle {
            centre: at,
            yaw: 0.0,
            size: [length, width],
        };
        let along = (-10..=10).map(|i| f64::from(i) / 20.0);
        let places = along.flat_map(|part| [[part, -0.5], [part, 0.5], [-0.5, part], [0.5, part]]);
        let [low, high] = [0.3, height];
        places
            .map(|[u, v]| around.outward([u * length, v * width]))
            .flat_map(|[x, y]| [[x, y, low], [x, y, high]])
            .map(|at| Return {
                at,
                ..Return::NOWHERE
            })
            .collect()
    }

    fn pedestrian(at: [f64; 2]) -> Vec<Return> {
        sides(at, [0.6, 0.5, 1.7])
    }

    fn sighting(class: Class, at: [f64; 2]) -> Sighting {
        Sighting {
            camera: 0,
            call: Call { class, score: 0.9 },
            place: Place {
                at,
                covariance: Matrix2::identity(),
            },
            range: 20.0,
            ground: 0.0,
        }
    }

    /// A tracker on level ground, a tenth of a second from step to step.
    struct Street {
        tracker: Tracker,
        grid: Grid,
        config: ObjectsConfig,
        stamp: i64,
        left_out: usize,
    }

    impl Street {
        fn new() -> Self {
            let grid = Grid {
                origin: [-256; 2],
                size: [512; 2],
                cell_mm: 200,
                log_odds: vec![Grid::UNKNOWN; 512 * 512],
            };
            Self {
                tracker: Tracker::default(),
                grid,
                config: ObjectsConfig::default(),
                stamp: 0,
                left_out: 0,
            }
        }

        /// Lets clusters and boxes be seen. The last cluster may be one of a
        /// structure.
        fn see(&mut self, clusters: &[Vec<Return>], boxes: &[Sighting], structure: bool) {
            let square = Square::over(&self.grid, [0.0; 2], ground::CELL_M);
            let mut segments = Segments {
                list: Vec::new(),
                returns: Vec::new(),
                ground: Ground::new(Plane::under(&Pose::identity()), square),
            };
            for cluster in clusters {
                let first = segments.returns.len();
                let ground = &segments.ground;
                let mut one = Segment::piece(cluster, 1, ground, [0.0; 2]);
                one.returns = first..first + cluster.len();
                segments.list.push(one);
                segments.returns.extend(cluster);
            }
            if let Some(last) = segments.list.last_mut() {
                last.is_structure = structure;
            }
            let fused = Fused {
                calls: vec![Vec::new(); segments.list.len()],
                sightings: boxes.to_vec(),
                ..Fused::default()
            };
            self.stamp += 100_000_000;
            let sight = Sight {
                stamp: self.stamp,
                view: View {
                    grid: &self.grid,
                    from: [0.0; 2],
                },
                segments: &segments,
                fused: &fused,
                config: &self.config,
            };
            self.left_out = self.tracker.step(0.1, &sight);
        }

        fn objects(&self) -> Vec<Object> {
            self.tracker.objects(self.stamp, None)
        }
    }

    #[test]
    fn who_walks_up_to_a_wall_is_followed_there_but_not_for_ever() {
        let mut street = Street::new();
        let at = [10.0, 2.0];
        (0..12).for_each(|_| street.see(&[pedestrian(at)], &[], false));
        let id = street.objects()[0].id;
        let mut both = pedestrian(at);
        both.extend(sides([10.0, 2.7], [8.0, 0.3, 2.4]));
        for _ in 0..50 {
            street.see(&[both.clone()], &[], true);
        }
        let found = street.objects();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id, found[0].unseen_s), (id, 0.0));
        let score = found[0].score;
        for _ in 0..600 {
            street.see(&[both.clone()], &[], true);
        }
        // Nothing tells the two apart any more.
        assert!(street.objects().is_empty(), "{score}");
    }

    #[test]
    fn a_box_is_no_part_of_what_a_lidar_saw_behind_it() {
        let mut street = Street::new();
        let car = || vec![sides([20.0, 0.0], [4.4, 1.8, 1.5])];
        (0..12).for_each(|_| street.see(&car(), &[], false));
        let before = street.objects();
        assert_eq!(before.len(), 1);
        // Someone whom no lidar sees, and the car once more, badly ranged.
        let boxes = [
            sighting(Class::Pedestrian, [17.0, 0.3]),
            sighting(Class::Car, [22.5, 0.5]),
        ];
        (0..12).for_each(|_| street.see(&car(), &boxes, false));
        let after = street.objects();
        let classes: Vec<Class> = after.iter().map(|object| object.class).collect();
        assert_eq!(classes, [Class::Car, Class::Pedestrian]);
        for k in 0..2 {
            assert!(
                (after[0].centre[k] - before[0].centre[k]).abs() < 0.05,
                "{after:?}"
            );
        }
    }

    #[test]
    fn how_many_are_left_out_is_told() {
        let mut street = Street::new();
        let place = |i: usize| [(i % 50) as f64 * 1.5 - 40.0, (i / 50) as f64 * 1.5 - 40.0];
        let crowd: Vec<Vec<Return>> = (0..MOST + 100).map(|i| pedestrian(place(i))).collect();
        street.see(&crowd, &[], false);
        assert_eq!(street.left_out, 100);
        assert_eq!(street.tracker.tracks.len(), MOST);
    }

    #[test]
    fn a_box_beyond_the_grid_begins_nothing() {
        let mut street = Street::new();
        for _ in 0..4 {
            street.see(&[], &[sighting(Class::Car, [55.0, 0.0])], false);
            assert_eq!(street.tracker.next_id, 0);
        }
    }
}
