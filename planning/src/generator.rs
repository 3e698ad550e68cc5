//! Generates the motion primitives of a vehicle.
//!
//! A pool of curves leads from each heading to the states around it: straight
//! on, in turns as tight as the vehicle can and wider ones, with the wheels of
//! both ends in opposite senses, in the same sense, or in a mixture of the two.
//! Of the pool a minimal set is kept by decomposition (Pivtoraiko and Kelly,
//! "Generating Near Minimal Spanning Control Sets for Constrained Motion
//! Planning in Discrete State Spaces", IROS 2005): in order of their price,
//! each curve in place of which a few that are kept do about as well is left
//! out. Slides come beside them: into one, on in it, and out of it.

use std::cmp::Ordering;

use crate::curve::{Curve, Follows};
use crate::headings::{Headings, length, quarter_turned};
use crate::pose::wrap;
use crate::primitives::{Limits, Wheels};

/// A turn goes on for at most so much of a full one.
const WIDEST_TURN: usize = 8;

/// Turns in the pool keep to these shares of the greatest curvature.
const SHARES: [f64; 3] = [1.0, 0.6, 0.35];

/// Crabs in the pool shift the vehicle by about so many cells.
const SHIFTS: [f64; 3] = [1.0, 2.5, 5.0];

/// Length of the longest straight one, and of the longest turn, m: longer ones
/// seldom fit, and take long to test.
const LONGEST_STRAIGHT: f64 = 1.0;
const LONGEST_TURN: f64 = 4.0;

/// A slide's way goes on along a lattice vector that is no longer than this, and
/// the wheels are turned for it over at least so much, m.
const LONGEST_SLIDE: f64 = 1.2;
const SHORTEST_RAMP: f64 = 0.8;

/// A curve is left out if at most so many others,
const MOST_PIECES: usize = 4;
/// which together cost at most so many times as much, lead to its state.
const NO_DEARER: f64 = 1.02;

/// A curve from a heading of the first quarter turn to a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) curve: Curve,
    /// To the state's place, cells.
    pub(crate) offset: [i32; 2],
    /// The state's heading.
    pub(crate) to: u8,
}

impl Link {
    /// How the wheels stand before and after.
    pub(crate) fn wheels(&self) -> [Wheels; 2] {
        [self.curve.slip, self.curve.end_slip()].map(Wheels::of_slip)
    }
}

/// What leads away from each heading of the first quarter turn, for a lattice
/// with a spacing of `cell` m.
pub(crate) fn generate(headings: &Headings, cell: f64, limits: &Limits) -> Vec<Vec<Link>> {
    let generator = Generator {
        headings,
        cell,
        limits,
    };
    let pool: Vec<_> = (0..headings.quarter())
        .map(|heading| generator.pool(heading))
        .collect();
    let mut set = generator.decompose(&pool);
    for (heading, links) in set.iter_mut().enumerate() {
        for side in [1.0, -1.0] {
            links.extend(generator.slide(heading, side).into_iter().flatten());
        }
    }
    set
}

struct Generator<'a> {
    headings: &'a Headings,
    cell: f64,
    limits: &'a Limits,
}

impl Generator<'_> {
    /// The curves that may become primitives of a heading.
    fn pool(&self, heading: usize) -> Vec<Link> {
        let count = self.headings.count();
        let stride = self.headings.vector(heading);
        let metres = self.cell * length(stride);
        let straights = (LONGEST_STRAIGHT / metres).round().max(2.0) as i32;
        let straight = |n: i32| Link {
            curve: Curve::straight(metres * f64::from(n)),
            offset: stride.map(|c| c * n),
            to: heading as u8,
        };
        let mut pool: Vec<_> = (1..=straights).map(straight).collect();
        for by in 1..=count / WIDEST_TURN {
            for to in [heading + by, heading + count - by].map(|to| to % count) {
                for share in SHARES {
                    pool.extend(self.turn(heading, to, share));
                }
            }
        }
        for shift in SHIFTS {
            for side in [1.0, -1.0] {
                pool.extend(self.crab(heading, side * shift));
            }
        }
        pool
    }

    /// The cheapest turn that keeps to a share of the greatest curvature.
    fn turn(&self, from: usize, to: usize, share: f64) -> Option<Link> {
        let start = self.headings.angle(from);
        let turn = wrap(self.headings.angle(to) - start);
        let limits = self.limits.sharing(share);
        // The cubic's greatest curvature is 1.5 times its mean.
        let least = 1.5 * turn.abs() / limits.max_curvature;
        let most = (least + 10.0 * self.cell).min(LONGEST_TURN.max(10.0 * self.cell));
        self.offsets(start, 0.9 * least, most)
            .filter(|(chord, _)| (chord[1].atan2(chord[0]) - turn / 2.0).abs() < 0.3 * turn.abs())
            .flat_map(|(chord, offset)| {
                let link = move |curve| Link {
                    curve,
                    offset,
                    to: to as u8,
                };
                [Curve::turn(chord, turn), Curve::crab(chord, turn)]
                    .into_iter()
                    .flatten()
                    .map(link)
            })
            .filter(|link| limits.allow(&link.curve))
            .min_by_key(|link| self.limits.prices.of(&link.curve))
    }

    /// The crab that shifts the vehicle by about so many cells to the left in
    /// the least length per shift.
    fn crab(&self, heading: usize, shift: f64) -> Option<Link> {
        if self.limits.max_crab <= 0.0 {
            return None;
        }
        let start = self.headings.angle(heading);
        let reach = 2.5 * shift.abs() * self.cell / self.limits.max_crab + 2.0 * self.cell;
        let link = |(chord, offset): ([f64; 2], _)| {
            let curve = Curve::crab(chord, 0.0)?;
            let link = Link {
                curve,
                offset,
                to: heading as u8,
            };
            Some((curve.length / chord[1].abs(), link))
        };
        self.offsets(start, 0.0, reach)
            .filter(|(chord, _)| (chord[1] / (self.cell * shift) - 1.0).abs() <= 0.4)
            .filter_map(link)
            .filter(|(_, link)| self.limits.allow(&link.curve))
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, link)| link)
    }

    /// Into a slide to one side, on in it and out of it: at the widest angle at
    /// which a short lattice vector lies.
    fn slide(&self, heading: usize, side: f64) -> Option<[Link; 3]> {
        let start = self.headings.angle(heading);
        let aside = |chord: [f64; 2]| side * chord[1].atan2(chord[0]);
        // The shortest of those at one angle, which rounding tells apart.
        let wider = |a: f64, b: f64| {
            if (a - b).abs() < 1e-9 {
                Ordering::Equal
            } else {
                a.total_cmp(&b)
            }
        };
        let (chord, offset) = self
            .offsets(start, 0.0, LONGEST_SLIDE.max(3.0 * self.cell))
            .filter(|(chord, _)| aside(*chord) > 0.0 && aside(*chord) <= self.limits.max_crab)
            .max_by(|(a, m), (b, n)| {
                wider(aside(*a), aside(*b)).then(length(*n).total_cmp(&length(*m)))
            })?;
        let slip = side * aside(chord);
        let on = Curve {
            axis: Follows::Nothing,
            slip,
            ..Curve::straight(length(offset) * self.cell)
        };
        let (into, ramp) = self
            .offsets(
                start,
                SHORTEST_RAMP,
                2.0 * SHORTEST_RAMP.max(3.0 * self.cell),
            )
            .filter_map(|(chord, offset)| Some((Curve::slide(chord, slip)?, offset)))
            .filter(|(curve, _)| curve.reversal().is_none() && self.limits.allow(curve))
            .min_by(|(a, _), (b, _)| a.length.total_cmp(&b.length))?;
        let link = |curve, offset| Link {
            curve,
            offset,
            to: heading as u8,
        };
        Some([
            link(into, ramp),
            link(on, offset),
            // Backward and turned by π it leads the same way.
            link(into.reversed(), ramp),
        ])
    }

    /// Lattice offsets ahead of a direction at a distance between two bounds,
    /// each with its chord in the frame of the direction.
    fn offsets(
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

    /// What is left of a pool when all is left out that others replace.
    fn decompose(&self, pool: &[Vec<Link>]) -> Vec<Vec<Link>> {
        let all = pool.iter().enumerate();
        let mut all: Vec<_> = all
            .flat_map(|(from, links)| links.iter().map(move |link| (from, *link)))
            .map(|(from, link)| (self.limits.prices.of(&link.curve), from, link))
            .collect();
        all.sort_by_key(|&(price, from, link)| (price, from, link.to, link.offset));
        let mut kept = vec![Vec::new(); pool.len()];
        for (price, from, link) in all {
            let most = (price as f64 * NO_DEARER) as u64;
            let to = usize::from(link.to);
            if !self.leads(&kept, from, to, link.offset, most, MOST_PIECES) {
                kept[from].push((price, link));
            }
        }
        // In the order of the pool, that of their kinds.
        let is_kept = |from: usize, link: &Link| kept[from].iter().any(|(_, k)| k == link);
        pool.iter()
            .enumerate()
            .map(|(from, links)| {
                let kept = links.iter().filter(|link| is_kept(from, link));
                kept.copied().collect()
            })
            .collect()
    }

    /// Whether so many pieces lead from a heading to a state for a price.
    fn leads(
        &self,
        kept: &[Vec<(u64, Link)>],
        from: usize,
        to: usize,
        offset: [i32; 2],
        price: u64,
        pieces: usize,
    ) -> bool {
        if offset == [0, 0] {
            return from == to;
        }
        let least = self.limits.prices.length_bound(length(offset) * self.cell);
        if pieces == 0 || least > price {
            return false;
        }
        let [turns, base] = self.headings.split(from);
        kept[base].iter().any(|(cost, link)| {
            let step = quarter_turned(link.offset, turns);
            let next = self.headings.turned(usize::from(link.to), turns);
            let left = [0, 1].map(|k| offset[k] - step[k]);
            *cost <= price && self.leads(kept, next, to, left, price - cost, pieces - 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PlannerConfig;
    use crate::vehicle::Vehicle;

    #[test]
    fn the_set_is_minimal_and_replaces_what_it_leaves_out() {
        let config = PlannerConfig::default();
        let limits = Limits::new(&Vehicle::shuttle(), &config);
        for count in [16, 32] {
            let headings = Headings::new(count);
            let generator = Generator {
                headings: &headings,
                cell: config.cell_m,
                limits: &limits,
            };
            let pool: Vec<_> = (0..headings.quarter()).map(|h| generator.pool(h)).collect();
            let set = generator.decompose(&pool);
            let priced = |links: &Vec<Link>| -> Vec<_> {
                let price = |link: &Link| (limits.prices.of(&link.curve), *link);
                links.iter().map(price).collect()
            };
            let kept: Vec<_> = set.iter().map(priced).collect();
            assert!(pool.concat().len() > set.concat().len());
            let replaced = |by: &[Vec<(u64, Link)>], from: usize, link: &Link| {
                let most = (limits.prices.of(&link.curve) as f64 * NO_DEARER) as u64;
                let to = usize::from(link.to);
                generator.leads(by, from, to, link.offset, most, MOST_PIECES)
            };
            for (from, links) in pool.iter().enumerate() {
                for link in links {
                    assert!(replaced(&kept, from, link), "{from} {link:?}");
                }
            }
            for (from, links) in set.iter().enumerate() {
                for link in links {
                    let mut others = kept.clone();
                    others[from].retain(|(_, other)| other != link);
                    assert!(!replaced(&others, from, link), "{from} {link:?}");
                }
            }
        }
    }
}
