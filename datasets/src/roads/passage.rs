//! Where lanes lead on to, driven either way.

use std::collections::BTreeMap;

use super::Passage;
use super::lane::Lane;

/// Ends of lanes so close together are one place, m,
const MEETS: f64 = 0.5;
/// if one goes on there at no more than this angle, rad.
const TURNED: f64 = 1.0;
/// As many ends are looked at around one place.
const CROWD: usize = 64;

/// An end of a lane, for who drives it one of the two ways.
#[derive(Clone, Copy)]
struct End {
    passage: Passage,
    at: [f64; 2],
    /// Direction of who drives there.
    heading: f64,
}

/// Of each lane, where one goes on who drives it in its direction, and who
/// drives it backwards.
pub(super) fn onward(lanes: &[Lane]) -> Vec<[Vec<Passage>; 2]> {
    let begins = Begins::of(lanes);
    let numbered = lanes.iter().enumerate();
    numbered
        .map(|(lane, is)| {
            [false, true].map(|backwards| {
                if backwards && !is.both_ways {
                    return Vec::new();
                }
                let passage = Passage { lane, backwards };
                // Those that go on from a lane in their own direction are
                // what the source says.
                let told = !backwards;
                let there = end(lanes, passage, true);
                let met = begins.at(&there).filter(|next| {
                    let inverted = next.backwards && lanes[next.lane].both_ways;
                    next.lane != lane && (inverted || (!told && !next.backwards))
                });
                let mut onward: Vec<Passage> = met.collect();
                let linked = match backwards {
                    false => &is.successors,
                    true => &is.predecessors,
                };
                let linked = linked
                    .iter()
                    .filter(|to| !backwards || lanes[**to].both_ways);
                onward.extend(linked.map(|to| Passage {
                    lane: *to,
                    backwards,
                }));
                onward.sort_unstable();
                onward.dedup();
                onward
            })
        })
        .collect()
}

/// Where a passage ends, or begins.
fn end(lanes: &[Lane], passage: Passage, ends: bool) -> End {
    let centre = &lanes[passage.lane].centre;
    let station = match ends != passage.backwards {
        true => centre.length(),
        false => 0.0,
    };
    let there = centre.at(station);
    let turned = match passage.backwards {
        true => std::f64::consts::PI,
        false => 0.0,
    };
    End {
        passage,
        at: [there.at[0], there.at[1]],
        heading: there.heading + turned,
    }
}

/// Where passages begin, by place.
struct Begins(BTreeMap<[i64; 2], Vec<End>>);

impl Begins {
    /// All that matter: where no lane is driven both ways, none do.
    fn of(lanes: &[Lane]) -> Self {
        let mut begins: BTreeMap<[i64; 2], Vec<End>> = BTreeMap::new();
        if lanes.iter().any(|lane| lane.both_ways) {
            for (lane, is) in lanes.iter().enumerate() {
                for backwards in [false, true] {
                    let end = end(lanes, Passage { lane, backwards }, false);
                    let crowd = begins.entry(cell(end.at)).or_default();
                    if (!backwards || is.both_ways) && crowd.len() < CROWD {
                        crowd.push(end);
                    }
                }
            }
        }
        Self(begins)
    }

    /// Passages that go on where one ends.
    fn at(&self, from: &End) -> impl Iterator<Item = Passage> {
        let [i, j] = cell(from.at);
        let cells = (i - 1..=i + 1).flat_map(move |i| (j - 1..=j + 1).map(move |j| [i, j]));
        let near = cells.filter_map(|cell| self.0.get(&cell)).flatten();
        near.filter(|to| {
            let off = [0, 1].map(|k| to.at[k] - from.at[k]);
            off[0].hypot(off[1]) <= MEETS && (to.heading - from.heading).cos() >= TURNED.cos()
        })
        .map(|to| to.passage)
    }
}

fn cell(at: [f64; 2]) -> [i64; 2] {
    at.map(|c| (c / MEETS).floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, LaneKind, Roads};

    /// A lane along x from one place to another.
    fn straight(id: u64, from: f64, to: f64, both_ways: bool) -> Draft {
        let side = if to > from { 1.5 } else { -1.5 };
        let border = |y: f64| vec![[from, y, 0.0], [to, y, 0.0]];
        Draft {
            both_ways,
            ..Draft::new(id, LaneKind::Vehicle, border(side), border(-side))
        }
    }

    #[test]
    fn a_track_that_is_driven_both_ways_is_left_by_either_end() {
        // Two tracks whose ends meet, a street to the one and from it, and one
        // that comes from the other.
        let mut street = straight(0, 0.0, 10.0, false);
        street.successors = vec![1];
        let drafts = vec![
            street,
            straight(1, 10.0, 20.0, true),
            straight(2, 30.0, 20.0, true),
            straight(3, 10.0, 0.0, false),
            straight(4, 30.0, 40.0, false),
        ];
        let roads = Roads::new(drafts, vec![]).expect("is sound");
        let onward = |lane, backwards| {
            let onward = roads.onward(lane, backwards).iter();
            onward.map(|p| (p.lane, p.backwards)).collect::<Vec<_>>()
        };
        assert_eq!(onward(0, false), [(1, false)]);
        assert_eq!(onward(1, false), [(2, true)]);
        assert_eq!(onward(2, true), [(4, false)]);
        assert_eq!(onward(2, false), [(1, true)]);
        assert_eq!(onward(1, true), [(3, false)]);
        assert_eq!(onward(0, true), [], "it is one-way");
        assert_eq!(onward(9, false), []);
    }
}
