//! Data association: who is who, so that all pairs together cost the least, one
//! connected component of possible pairs at a time.

use super::disjoint_sets::DisjointSets;
use crate::assignment::assign;

/// Larger components are assigned greedily: theirs would take long.
const MOST_ROWS: usize = 64;
const MOST_COLUMNS: usize = 256;

/// A pair that may belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) row: usize,
    pub(super) column: usize,
    /// From 0; what costs more than a miss is no pair.
    pub(super) cost: f64,
}

/// Gives each row at most one column, and each column at most one row, so that
/// the pairs together cost the least; `miss` is the cost of a row without a
/// column.
pub(super) fn associate(
    rows: usize,
    columns: usize,
    pairs: &[Pair],
    miss: f64,
) -> Vec<Option<usize>> {
    let mut pairs: Vec<Pair> = (pairs.iter().copied())
        .filter(|pair| pair.cost < miss && pair.row < rows && pair.column < columns)
        .collect();
    pairs.sort_by_key(|pair| (pair.row, pair.column));
    let mut components = DisjointSets::new(rows + columns);
    for pair in &pairs {
        components.join(pair.row, rows + pair.column);
    }
    let mut keyed: Vec<(usize, Pair)> = (pairs.into_iter())
        .map(|pair| (components.of(pair.row), pair))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    let mut assigned = vec![None; rows];
    for component in keyed.chunk_by(|a, b| a.0 == b.0) {
        solve(component, miss, &mut assigned);
    }
    assigned
}

fn solve(component: &[(usize, Pair)], miss: f64, assigned: &mut [Option<usize>]) {
    let distinct = |of: fn(&Pair) -> usize| {
        let mut all: Vec<usize> = component.iter().map(|(_, pair)| of(pair)).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let rows = distinct(|pair| pair.row);
    let columns = distinct(|pair| pair.column);
    if rows.len() > MOST_ROWS || columns.len() > MOST_COLUMNS {
        return greedy(component, assigned);
    }
    let mut gains = vec![0.0; rows.len() * columns.len()];
    for (_, pair) in component {
        let found = (
            rows.binary_search(&pair.row),
            columns.binary_search(&pair.column),
        );
        if let (Ok(row), Ok(column)) = found {
            gains[row * columns.len() + column] = miss - pair.cost;
        }
    }
    let gain = |row: usize, column: usize| gains[row * columns.len() + column];
    let best = assign(rows.len(), columns.len(), gain);
    for (row, column) in rows.iter().zip(best) {
        assigned[*row] = column.map(|column| columns[column]);
    }
}

fn greedy(component: &[(usize, Pair)], assigned: &mut [Option<usize>]) {
    let mut pairs: Vec<Pair> = component.iter().map(|(_, pair)| *pair).collect();
    let order = |a: &Pair, b: &Pair| {
        let by_cost = a.cost.total_cmp(&b.cost);
        by_cost.then((a.row, a.column).cmp(&(b.row, b.column)))
    };
    pairs.sort_by(order);
    let mut taken = std::collections::BTreeSet::new();
    for pair in pairs {
        if assigned[pair.row].is_none() && taken.insert(pair.column) {
            assigned[pair.row] = Some(pair.column);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair((row, column, cost): (usize, usize, f64)) -> Pair {
        Pair { row, column, cost }
    }

    /// The least cost, by trying everything.
    fn least(rows: usize, costs: &[Vec<f64>], miss: f64, taken: u32, row: usize) -> f64 {
        if row == rows {
            return 0.0;
        }
        let mut best = miss + least(rows, costs, miss, taken, row + 1);
        for (column, cost) in costs[row].iter().enumerate() {
            if taken >> column & 1 == 0 && *cost < miss {
                let rest = least(rows, costs, miss, taken | 1 << column, row + 1);
                best = best.min(cost + rest);
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_assignment_costs_less(
            costs in (1usize..6, 1usize..6).prop_flat_map(|(rows, columns)| {
                prop::collection::vec(prop::collection::vec(0.0..14.0f64, columns), rows)
            }),
        ) {
            let (rows, columns) = (costs.len(), costs[0].len());
            let all = costs.iter().enumerate().flat_map(|(r, row)| {
                row.iter().enumerate().map(move |(c, cost)| pair((r, c, *cost)))
            });
            let all: Vec<Pair> = all.collect();
            let found = associate(rows, columns, &all, 10.0);
            let of_row = |(r, c): (usize, &Option<usize>)| c.map_or(10.0, |c| costs[r][c]);
            let cost: f64 = found.iter().enumerate().map(of_row).sum();
            prop_assert!(cost <= least(rows, &costs, 10.0, 0, 0) + 1e-3 * rows as f64);
            let mut used: Vec<usize> = found.into_iter().flatten().collect();
            used.sort_unstable();
            let count = used.len();
            used.dedup();
            prop_assert_eq!(used.len(), count);
        }
    }

    #[test]
    fn nothing_is_assigned_to_nothing() {
        assert_eq!(associate(0, 0, &[], 1.0), []);
        assert_eq!(associate(2, 0, &[], 1.0), [None, None]);
        let broken = [
            pair((0, 0, f64::NAN)),
            pair((0, 1, f64::INFINITY)),
            pair((7, 0, 0.1)),
        ];
        assert_eq!(associate(1, 2, &broken, 1.0), [None]);
    }

    #[test]
    fn a_crowd_is_assigned_in_bounded_time() {
        // Each of 300 may be each of 300.
        let all: Vec<Pair> = (0..300)
            .flat_map(|r| (0..300).map(move |c| pair((r, c, 0.01 * r.abs_diff(c) as f64))))
            .collect();
        let found = associate(300, 300, &all, 10.0);
        assert!(found.iter().enumerate().all(|(r, c)| *c == Some(r)));
    }
}
