//! Maps of roads: lanes, how they go on and lie side by side, and crossings.
//!
//! Everything is in the log's own odom or map frame, that of
//! [`crate::Frame::pose`]. Whatever the source, a map is sound: references are
//! indices of lanes that are there, numbers are finite, and what goes on knows
//! where it comes from.

mod index;
mod lane;
mod passage;
mod polyline;

use std::collections::BTreeMap;

pub use lane::{Crossing, Draft, Lane, LaneKind, Neighbour};
pub use polyline::{Polyline, Projection, Station};

use index::Index;

/// The most lanes of a map, and points of their borders.
const MOST_LANES: usize = 1 << 17;
const MOST_POINTS: usize = 1 << 22;
/// No lane is faster, m/s.
const FASTEST: f64 = 150.0;

/// A map.
#[derive(Debug, Default)]
pub struct Roads {
    lanes: Vec<Lane>,
    crossings: Vec<Crossing>,
    /// Of each lane, where one goes on who drives it, and who drives it
    /// backwards.
    onward: Vec<[Vec<Passage>; 2]>,
    index: Index,
}

/// A lane that is driven, one way or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passage {
    /// Index of the lane.
    pub lane: usize,
    /// Whether it is driven against its direction.
    pub backwards: bool,
}

/// A place on a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnLane {
    /// Index of the lane.
    pub lane: usize,
    /// Where beside its centre line.
    pub beside: Projection,
    /// Direction of the centre line there, rad from x towards y.
    pub heading: f64,
}

/// What makes a map unsound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct Unsound {
    /// The lane and its part.
    pub field: String,
    /// What should have been there.
    pub expected: String,
}

impl Roads {
    /// The map of lanes that name each other as their source does.
    ///
    /// # Errors
    /// [`Unsound`] if two lanes are called the same, one names another that
    /// is not there (see [`cut_out`]), or has no line, or a speed that is
    /// none.
    pub fn new(drafts: Vec<Draft>, crossings: Vec<Crossing>) -> Result<Self, Unsound> {
        let points = |draft: &Draft| {
            let centre = draft.centre.as_ref().map_or(0, Vec::len);
            draft.left.len() + draft.right.len() + centre
        };
        if drafts.len() > MOST_LANES || drafts.iter().map(points).sum::<usize>() > MOST_POINTS {
            return Err(Unsound {
                field: "lanes".into(),
                expected: format!("at most {MOST_LANES} of {MOST_POINTS} points in all"),
            });
        }
        let mut numbers = BTreeMap::new();
        for (number, draft) in drafts.iter().enumerate() {
            if numbers.insert(draft.id, number).is_some() {
                return Err(wrong(draft.id, "id", "one that no other lane has"));
            }
        }
        let lanes = drafts.iter().map(|draft| build(draft, &numbers));
        let mut lanes: Vec<Lane> = lanes.collect::<Result<_, _>>()?;
        link(&mut lanes);
        Ok(Self {
            onward: passage::onward(&lanes),
            index: Index::new(&lanes),
            lanes,
            crossings,
        })
    }

    /// By index.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// All of them.
    pub fn crossings(&self) -> &[Crossing] {
        &self.crossings
    }

    /// Where one goes on who has driven along a lane, ascending: to its
    /// successors, and where lanes may be driven both ways into them by
    /// whichever end is there (Poggenhans et al., "Lanelet2: A high-definition
    /// map framework for the future of automated driving", ITSC 2018, joins
    /// lanes that may be inverted in the same way). Nothing leads on from a
    /// lane that is not there, nor backwards from one that is not driven both
    /// ways.
    pub fn onward(&self, lane: usize, backwards: bool) -> &[Passage] {
        let of_lane = self.onward.get(lane);
        of_lane.map_or(&[], |both| &both[usize::from(backwards)])
    }

    /// The lanes whose centre lines come within a distance of a place, m,
    /// each where it is nearest; the nearest first, of equally near ones that
    /// of the lower index.
    pub fn near(&self, at: [f64; 2], within: f64) -> Vec<OnLane> {
        let mut nearest: BTreeMap<usize, (Projection, usize)> = BTreeMap::new();
        for piece in self.index.near(at, within) {
            let found = self.lanes[piece.lane].centre.project_on(piece.number, at);
            let best = nearest.entry(piece.lane).or_insert((found, piece.number));
            let order = found.distance.total_cmp(&best.0.distance);
            if order.then(piece.number.cmp(&best.1)).is_lt() {
                *best = (found, piece.number);
            }
        }
        let found = nearest.into_iter().map(|(lane, (beside, piece))| {
            let [from, to] = [0, 1].map(|k| self.lanes[lane].centre.points()[piece + k]);
            OnLane {
                lane,
                beside,
                heading: (to[1] - from[1]).atan2(to[0] - from[0]),
            }
        });
        let mut found: Vec<OnLane> = found.filter(|on| on.beside.distance <= within).collect();
        found.sort_by(|a, b| a.beside.distance.total_cmp(&b.beside.distance));
        found
    }

    /// The lane whose centre line is nearest to a place and at most so far
    /// from it, m, of those that may be driven in a direction, rad: that lead
    /// there by less than a right angle off, or may be driven both ways.
    pub fn nearest(&self, at: [f64; 2], yaw: f64, within: f64) -> Option<OnLane> {
        let near = self.near(at, within).into_iter();
        let mut leading =
            near.filter(|on| self.lanes[on.lane].both_ways || (yaw - on.heading).cos() > 0.0);
        leading.next()
    }
}

/// Takes references to lanes that are not there out of a map that was cut out
/// of a larger one.
pub fn cut_out(drafts: &mut [Draft]) {
    let mut there: Vec<u64> = drafts.iter().map(|draft| draft.id).collect();
    there.sort_unstable();
    let is_there = |id: &u64| there.binary_search(id).is_ok();
    for draft in drafts {
        draft.successors.retain(is_there);
        draft.predecessors.retain(is_there);
        for side in [&mut draft.left_neighbour, &mut draft.right_neighbour] {
            *side = side.filter(|neighbour| is_there(&neighbour.lane));
        }
    }
}

fn wrong(lane: u64, part: &str, expected: &str) -> Unsound {
    Unsound {
        field: format!("lane {lane}: {part}"),
        expected: expected.into(),
    }
}

/// The lane of a draft, without the links that only others name.
fn build(draft: &Draft, numbers: &BTreeMap<u64, usize>) -> Result<Lane, Unsound> {
    let line = |part, points: &[[f64; 3]]| {
        let expected = "two or more points within 1,000 km of the origin";
        Polyline::new(points.iter().copied()).ok_or_else(|| wrong(draft.id, part, expected))
    };
    let number = |part, id: u64| {
        let found = numbers.get(&id).copied();
        found.ok_or_else(|| wrong(draft.id, part, &format!("a lane that is there, not {id}")))
    };
    let all = |part, ids: &[u64]| -> Result<Vec<usize>, Unsound> {
        ids.iter().map(|id| number(part, *id)).collect()
    };
    let beside = |part, neighbour: Option<Neighbour<u64>>| {
        let found = neighbour.map(|Neighbour { lane, same_way }| {
            let lane = number(part, lane)?;
            Ok(Neighbour { lane, same_way })
        });
        found.transpose()
    };
    let left = line("left border", &draft.left)?;
    let right = line("right border", &draft.right)?;
    let centre = match &draft.centre {
        Some(points) => line("centre line", points)?,
        None => Polyline::between(&left, &right).ok_or_else(|| {
            wrong(
                draft.id,
                "borders",
                "lines that run side by side the same way",
            )
        })?,
    };
    let limited = |limit: f64| limit > 0.0 && limit <= FASTEST;
    if !draft.speed_limit.is_none_or(limited) {
        let expected = format!("a speed above zero, of at most {FASTEST} m/s");
        return Err(wrong(draft.id, "speed limit", &expected));
    }
    Ok(Lane {
        id: draft.id,
        kind: draft.kind,
        left,
        right,
        centre,
        successors: all("successor", &draft.successors)?,
        predecessors: all("predecessor", &draft.predecessors)?,
        left_neighbour: beside("left neighbour", draft.left_neighbour)?,
        right_neighbour: beside("right neighbour", draft.right_neighbour)?,
        both_ways: draft.both_ways,
        speed_limit: draft.speed_limit,
    })
}

/// Lets lanes that go on into each other name each other.
fn link(lanes: &mut [Lane]) {
    let mut links = Vec::new();
    for (number, lane) in lanes.iter().enumerate() {
        links.extend(lane.successors.iter().map(|next| (number, *next)));
        links.extend(lane.predecessors.iter().map(|before| (*before, number)));
    }
    links.sort_unstable();
    links.dedup();
    for lane in &mut *lanes {
        lane.successors.clear();
        lane.predecessors.clear();
    }
    for (from, to) in links {
        lanes[from].successors.push(to);
        lanes[to].predecessors.push(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A straight lane 3 m wide from one place along x to another.
    fn straight(id: u64, from: f64, to: f64, y: f64) -> Draft {
        let side = if to > from { 1.5 } else { -1.5 };
        let border = |y: f64| vec![[from, y, 0.0], [to, y, 0.0]];
        Draft::new(id, LaneKind::Vehicle, border(y + side), border(y - side))
    }

    /// A lane, two that it goes on to, and one that leads back beside it.
    fn fork() -> Vec<Draft> {
        let mut first = straight(10, 0.0, 20.0, 0.0);
        first.successors = vec![30];
        first.left_neighbour = Some(Neighbour {
            lane: 40,
            same_way: false,
        });
        let mut aside = straight(20, 20.0, 40.0, 0.0);
        aside.predecessors = vec![10];
        vec![
            first,
            aside,
            straight(30, 20.0, 30.0, 0.0),
            straight(40, 20.0, 0.0, 3.0),
        ]
    }

    #[test]
    fn what_goes_on_knows_where_it_comes_from() {
        let roads = Roads::new(fork(), vec![]).expect("is sound");
        let lanes = roads.lanes();
        assert_eq!(
            (lanes[0].id, lanes[0].successors.as_slice()),
            (10, [1, 2].as_slice())
        );
        assert_eq!(lanes[1].predecessors, [0]);
        assert_eq!(lanes[2].predecessors, [0]);
        let left = lanes[0].left_neighbour.expect("has one");
        assert_eq!((left.lane, left.same_way), (3, false));
        assert_eq!(lanes[0].width(3.0), 3.0);
        assert_eq!(lanes[3].centre.at(0.0).at, [20.0, 3.0, 0.0]);
    }

    #[test]
    fn what_is_unsound_is_told() {
        let said = |spoil: fn(&mut Vec<Draft>)| {
            let mut drafts = fork();
            spoil(&mut drafts);
            let error = Roads::new(drafts, vec![]).expect_err("is unsound");
            error.to_string()
        };
        assert_eq!(
            said(|d| d[1].id = 10),
            "lane 10: id: expected one that no other lane has"
        );
        let dangling = said(|d| d[2].successors.push(7));
        assert_eq!(
            dangling,
            "lane 30: successor: expected a lane that is there, not 7"
        );
        assert!(said(|d| d[0].left[0][1] = f64::NAN).starts_with("lane 10: left border: "));
        assert!(said(|d| d[0].left.reverse()).starts_with("lane 10: borders: "));
        assert!(said(|d| d[0].centre = Some(vec![])).starts_with("lane 10: centre line: "));
        for limit in ["-1", "nan", "1e9"] {
            let limit = limit.parse().ok();
            let mut drafts = fork();
            drafts[0].speed_limit = limit;
            assert!(Roads::new(drafts, vec![]).is_err(), "{limit:?}");
        }
        let mut cut = fork();
        cut[2].successors.push(7);
        cut[2].right_neighbour = Some(Neighbour {
            lane: 8,
            same_way: true,
        });
        cut_out(&mut cut);
        let roads = Roads::new(cut, vec![]).expect("is sound");
        assert_eq!(roads.lanes()[0].successors, [1, 2]);
        assert_eq!(roads.lanes()[2].right_neighbour, None);
    }

    #[test]
    fn a_pose_finds_its_lane() {
        let mut drafts = fork();
        let roads = Roads::new(drafts.clone(), vec![]).expect("is sound");
        let there = roads.nearest([5.0, 2.0], 0.1, 5.0).expect("is near");
        assert_eq!(
            (there.lane, there.beside.station, there.beside.offset),
            (0, 5.0, 2.0)
        );
        let back = roads.nearest([5.0, 2.0], 3.1, 5.0).expect("is near");
        assert_eq!(
            (back.lane, back.beside.station, back.beside.offset),
            (3, 15.0, 1.0)
        );
        assert_eq!(roads.nearest([5.0, 9.0], 0.1, 5.0), None);
        drafts[3].both_ways = true;
        let roads = Roads::new(drafts, vec![]).expect("is sound");
        assert_eq!(
            roads.nearest([5.0, 2.0], 0.1, 5.0).map(|on| on.lane),
            Some(3)
        );
        assert_eq!(Roads::default().near([0.0; 2], 1e9), []);
    }

    proptest! {
        /// The index finds what looking at every lane finds.
        #[test]
        fn the_index_leaves_nothing_out(
            starts in prop::collection::vec((prop::array::uniform2(-90.0..90.0f64), -3.0..3.0f64), 1..60),
            at in prop::array::uniform2(-100.0..100.0f64), within in 0.0..80.0f64,
        ) {
            let drafts = starts.iter().zip(0..).map(|(([x, y], yaw), id)| {
                let border = |side: f64| (0..5).map(|i| {
                    let (s, turn) = (f64::from(i) * 4.0, yaw + f64::from(i) * 0.1);
                    [x + s * turn.cos() - side * turn.sin(), y + s * turn.sin() + side * turn.cos(), 0.0]
                }).collect();
                Draft::new(id, LaneKind::Vehicle, border(1.5), border(-1.5))
            });
            let roads = Roads::new(drafts.collect(), vec![]).expect("is sound");
            let found = roads.near(at, within);
            let mut wanted: Vec<(f64, usize)> = roads.lanes().iter().enumerate()
                .map(|(lane, is)| (is.centre.project(at).distance, lane))
                .filter(|(distance, _)| *distance <= within).collect();
            wanted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let found: Vec<(f64, usize)> = found.iter().map(|on| (on.beside.distance, on.lane)).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
