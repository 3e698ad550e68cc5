//! Everything that is followed, from one frame to the next.

use janus_datasets::roads::Roads;

use super::assign::{Pair, assign};
use super::config::ObjectsConfig;
use super::fuse::{Call, Fused};
use super::measure::{Expected, Measured, View, measure, measure_places, outline_of, side};
use super::object::Object;
use super::rectangle::Rectangle;
use super::segment::{Seen, Segment, Segments};
use super::track::Track;

/// A thing is no larger than this, m.
const LARGEST: [f64; 2] = [14.0, 3.6];
/// What is first seen by fewer returns is nothing yet.
const LEAST_POINTS: u32 = 8;
/// Clusters within a thing's box, or so close beside it, are parts of it, m.
const BESIDE_M: f64 = 0.3;
/// What is so much larger than a thing is not that thing alone, m.
const OVERSHOOT_M: f64 = 0.5;
/// Within a larger cluster a thing is where so many returns are,
const LEAST_RETURNS: usize = 5;
/// this close to its box, m,
const CLOSE_M: f64 = 0.15;
/// in one that is larger than its box by, m,
const LARGER_M: f64 = 0.8;
/// and its place is so uncertain there, m.
const MERGED: f64 = 0.15;
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

    /// Lets `dt` seconds pass, and takes in what was seen at their end.
    pub(super) fn step(&mut self, dt: f64, sight: &Sight<'_>) {
        for track in &mut self.tracks {
            track.filter.predict(dt);
        }
        let groups = self.group(sight);
        let mut seen = vec![false; self.tracks.len()];
        let mut free = vec![true; groups.len()];
        self.assign_groups(sight, &groups, &mut seen, &mut free);
        self.find_merged(sight, &mut seen);
        let sightings = self.assign_sightings(sight, &mut seen);
        self.miss(sight, &seen);
        self.end(sight);
        self.begin(sight, &groups, &free, &sightings);
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
        let middles: Vec<[[f64; 2]; 2]> = groups.iter().map(|g| bounds(sight, g)).collect();
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by(|a, b| {
            middles[*a][0][0]
                .total_cmp(&middles[*b][0][0])
                .then(a.cmp(b))
        });
        let widest = middles.iter().map(|[min, max]| max[0] - min[0]);
        let widest = widest.fold(0.0, f64::max);
        let mut pairs = Vec::new();
        let mut found: Vec<(usize, usize, Measured)> = Vec::new();
        for (row, track) in self.tracks.iter().enumerate() {
            let expected = track.expected(&sight.view);
            let [x, y] = expected.rectangle.centre;
            let reach = FAR_M + expected.rectangle.size[0] / 2.0;
            let first = order.partition_point(|i| middles[*i][0][0] < x - reach - widest);
            for &column in order[first..].iter() {
                let [min, max] = middles[column];
                if min[0] > x + reach {
                    break;
                }
                if max[0] < x - reach || min[1] > y + reach || max[1] < y - reach {
                    continue;
                }
                let parts = segments(sight, &groups[column]);
                let Some(measured) = measure(&sight.view, &expected, &parts) else {
                    continue;
                };
                let over = track.overshoot(&measured);
                if over > OVERSHOOT_M && track.confirmed {
                    continue;
                }
                let cost = track.filter.distance(&measured.place) + 4.0 * over;
                pairs.push(Pair { row, column, cost });
                found.push((row, column, measured));
            }
        }
        let gate = sight.config.gate;
        let assigned = assign(self.tracks.len(), groups.len(), &pairs, gate);
        for (row, column, mut measured) in found {
            if assigned[row] == Some(column) {
                let calls = calls(sight, &groups[column]);
                let expected = self.tracks[row].expected(&sight.view);
                measured.side = side(&expected, &segments(sight, &groups[column]));
                self.tracks[row].update(sight.stamp, &measured, &calls, true, sight.config);
                seen[row] = true;
                free[column] = false;
            }
        }
    }

    /// Looks for things that were not seen by themselves in larger clusters.
    fn find_merged(&mut self, sight: &Sight<'_>, seen: &mut [bool]) {
        let unseen = self.tracks.iter_mut().zip(seen.iter_mut());
        for (track, seen) in unseen.filter(|(track, seen)| track.confirmed && !**seen) {
            let expected = track.expected(&sight.view);
            let Some(mut measured) = in_box(sight, &expected) else {
                continue;
            };
            measured.place.covariance += nalgebra::Matrix2::identity() * (MERGED * MERGED);
            if track.filter.distance(&measured.place) < sight.config.gate {
                track.update(sight.stamp, &measured, &[], false, sight.config);
                *seen = true;
            }
        }
    }

    /// Gives each thing that no lidar saw the box in a picture that may be it;
    /// returns the boxes that are nothing known.
    fn assign_sightings(&mut self, sight: &Sight<'_>, seen: &mut [bool]) -> Vec<usize> {
        let sightings = &sight.fused.sightings;
        let mut pairs = Vec::new();
        for (row, track) in self.tracks.iter().enumerate() {
            for (column, sighting) in sightings.iter().enumerate() {
                let cost = track.filter.distance(&sighting.place);
                pairs.push(Pair { row, column, cost });
            }
        }
        let gate = sight.config.gate;
        let assigned = assign(self.tracks.len(), sightings.len(), &pairs, gate);
        let mut rest = vec![true; sightings.len()];
        for (row, column) in assigned.into_iter().enumerate() {
            let Some(column) = column else { continue };
            let sighting = &sightings[column];
            self.tracks[row].sight(sight.stamp, &sighting.place, &sighting.call, sight.config);
            seen[row] = true;
            rest[column] = false;
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
                && sight.stamp - track.seen <= coast
                && spread.sqrt()
                    < LOST_M.max(0.3 * (x - sight.view.from[0]).hypot(y - sight.view.from[1]))
                && sight.view.reaches([x, y])
        });
        // Of two in one place the surer stays, of equals the older.
        let mut order: Vec<usize> = (0..self.tracks.len()).collect();
        order.sort_by(|a, b| {
            let [a, b] = [&self.tracks[*a], &self.tracks[*b]];
            let by_score = (b.confirmed, b.score).partial_cmp(&(a.confirmed, a.score));
            by_score
                .unwrap_or(std::cmp::Ordering::Equal)
                .then(a.id.cmp(&b.id))
        });
        let boxes: Vec<Rectangle> = self.tracks.iter().map(Track::rectangle).collect();
        let mut west: Vec<usize> = order.clone();
        west.sort_by(|a, b| {
            boxes[*a].centre[0]
                .total_cmp(&boxes[*b].centre[0])
                .then(a.cmp(b))
        });
        let mut gone = vec![false; boxes.len()];
        for &a in &order {
            if gone[a] {
                continue;
            }
            let reach = boxes[a].size[0];
            let x = boxes[a].centre[0];
            let first = west.partition_point(|i| boxes[*i].centre[0] < x - reach);
            let near = west[first..].iter();
            for &b in near.take_while(|i| boxes[**i].centre[0] <= x + reach) {
                let twice =
                    boxes[a].holds(boxes[b].centre, -0.2) || boxes[b].holds(boxes[a].centre, -0.2);
                gone[b] |= a != b && twice;
            }
        }
        let mut gone = gone.into_iter();
        self.tracks.retain(|_| gone.next() != Some(true));
    }

    /// Begins to follow what nothing known was seen as.
    fn begin(&mut self, sight: &Sight<'_>, groups: &[Group], free: &[bool], sightings: &[usize]) {
        let known: Vec<Rectangle> = self.tracks.iter().map(Track::rectangle).collect();
        let new = |at: [f64; 2]| !known.iter().any(|rectangle| rectangle.holds(at, 0.0));
        let mut born = Vec::new();
        let mut next_id = self.next_id;
        for (group, _) in groups.iter().zip(free).filter(|(_, free)| **free) {
            let parts = segments(sight, group);
            let Some(around) = outline_of(&parts) else {
                continue;
            };
            let large = (0..2).any(|k| around.size[k] > LARGEST[k]);
            let points: u32 = parts.iter().map(|segment| segment.points).sum();
            let few = points < LEAST_POINTS;
            if few || large || !new(around.centre) || known.len() + born.len() >= MOST {
                continue;
            }
            let calls = calls(sight, group);
            let seen_as = |expected: &Expected| measure(&sight.view, expected, &parts);
            let track = Track::born(next_id, sight.stamp, &sight.view, &around, &calls, seen_as);
            born.extend(track);
            next_id += 1;
        }
        for sighting in sightings.iter().map(|i| &sight.fused.sightings[*i]) {
            if new(sighting.place.at) && known.len() + born.len() < MOST {
                let (place, ground) = (&sighting.place, sighting.ground);
                born.push(Track::sighted(
                    next_id,
                    sight.stamp,
                    &sighting.call,
                    place,
                    ground,
                ));
                next_id += 1;
            }
        }
        self.next_id = next_id;
        self.tracks.append(&mut born);
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

/// What is seen where something is expected, be it part of what it may.
fn in_box(sight: &Sight<'_>, expected: &Expected) -> Option<Measured> {
    let Rectangle { centre, size, .. } = expected.rectangle;
    let reach = size[0].hypot(size[1]) / 2.0 + CLOSE_M;
    let near = sight.segments.list.iter().filter(|segment| {
        let [min, max] = segment.bounds;
        let larger = (max[0] - min[0]).max(max[1] - min[1]) > size[0].max(size[1]) + LARGER_M;
        larger && (0..2).all(|k| min[k] <= centre[k] + reach && max[k] >= centre[k] - reach)
    });
    let mut places: Vec<Seen> = Vec::new();
    let (mut top, mut ground) = (f64::NEG_INFINITY, f64::INFINITY);
    for segment in near {
        for one in &sight.segments.returns[segment.returns.clone()] {
            let seen = one.seen();
            if expected
                .rectangle
                .holds(seen.moved(expected.velocity), CLOSE_M)
            {
                places.push(seen);
                top = top.max(one.at[2]);
                ground = ground.min(segment.ground);
            }
        }
    }
    if places.len() < LEAST_RETURNS {
        return None;
    }
    let height = top - ground;
    measure_places(&sight.view, expected, places.iter(), height, ground)
}
