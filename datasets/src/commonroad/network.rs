//! Lanelets (Bender, Ziegler and Stiller, "Lanelets: Efficient map
//! representation for autonomous driving", IV 2014) with the speed limits of
//! their traffic signs.

use std::collections::BTreeMap;

use super::Version;
use super::element::{Element, Wrong};
use crate::roads::{Crossing, Draft, LaneKind, Neighbour, Roads, Unsound};

/// Signs that limit the speed, to a value in m/s: that of Germany, by which
/// all countries without signs of their own go, and that of the USA.
const SPEED_SIGNS: [&str; 2] = ["274", "R2-1"];

/// The roads of a file, and which lane each lanelet is.
pub(super) struct Network {
    pub(super) roads: Roads,
    pub(super) numbers: BTreeMap<u64, usize>,
}

/// What a lanelet is for, from its types.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lane(LaneKind),
    Crosswalk,
}

impl Network {
    pub(super) fn read(root: &Element<'_, '_>, version: Version) -> Result<Self, Wrong> {
        let limits = limits(root)?;
        let mut drafts = Vec::new();
        let mut crossings = Vec::new();
        for lanelet in root.children("lanelet") {
            let kind = kind(&lanelet)?;
            let draft = draft(&lanelet, kind, version, &limits)?;
            if kind == Kind::Crosswalk {
                let crossing = Crossing::between(draft.left.clone(), draft.right.clone());
                let expected = "borders of two or more points side by side";
                crossings.push(crossing.ok_or_else(|| lanelet.wrong("leftBound", expected))?);
            }
            drafts.push(draft);
        }
        let numbers = drafts.iter().map(|draft| draft.id).zip(0..).collect();
        let roads = Roads::new(drafts, crossings)
            .map_err(|Unsound { field, expected }| Wrong { field, expected })?;
        Ok(Self { roads, numbers })
    }
}

/// The least speed that each traffic sign allows, m/s, of those that limit it.
fn limits(root: &Element<'_, '_>) -> Result<BTreeMap<u64, Option<f64>>, Wrong> {
    let signs = root.children("trafficSign").map(|sign| {
        let elements = sign.children("trafficSignElement").filter(|element| {
            let id = element.child("trafficSignID");
            id.is_some_and(|id| SPEED_SIGNS.contains(&id.text()))
        });
        let limits = elements.map(|element| element.needed("additionalValue")?.number());
        let limits: Vec<f64> = limits.collect::<Result<_, _>>()?;
        Ok((sign.reference("id")?, limits.into_iter().reduce(f64::min)))
    });
    signs.collect()
}

fn draft(
    lanelet: &Element<'_, '_>,
    kind: Kind,
    version: Version,
    limits: &BTreeMap<u64, Option<f64>>,
) -> Result<Draft, Wrong> {
    let all = |name| -> Result<Vec<u64>, Wrong> {
        lanelet
            .children(name)
            .map(|to| to.reference("ref"))
            .collect()
    };
    let beside = |name| {
        let found = lanelet.child(name).map(|adjacent| {
            let same_way = match adjacent.attribute("drivingDir")? {
                "same" => true,
                "opposite" => false,
                _ => return Err(adjacent.wrong("drivingDir", "same or opposite")),
            };
            let lane = adjacent.reference("ref")?;
            Ok(Neighbour { lane, same_way })
        });
        found.transpose()
    };
    let own = lanelet
        .child("speedLimit")
        .filter(|_| version == Version::V2018b);
    let own = own.map(|limit| limit.number()).transpose()?;
    let mut speeds: Vec<f64> = own.into_iter().collect();
    for sign in lanelet.children("trafficSignRef") {
        let limit = limits.get(&sign.reference("ref")?);
        let limit = limit.ok_or_else(|| sign.wrong("ref", "a traffic sign that is there"))?;
        speeds.extend(limit);
    }
    let mut both = lanelet.children("userBidirectional");
    let on_wheels = |user: &str| !matches!(user, "pedestrian" | "train" | "bicycle");
    Ok(Draft {
        successors: all("successor")?,
        predecessors: all("predecessor")?,
        left_neighbour: beside("adjacentLeft")?,
        right_neighbour: beside("adjacentRight")?,
        both_ways: both.any(|user| on_wheels(user.text())),
        speed_limit: speeds.into_iter().reduce(f64::min),
        ..Draft::new(
            lanelet.reference("id")?,
            match kind {
                Kind::Lane(kind) => kind,
                Kind::Crosswalk => LaneKind::Pedestrian,
            },
            lanelet.needed("leftBound")?.points()?,
            lanelet.needed("rightBound")?.points()?,
        )
    })
}

/// What a lanelet is for. One that has several types is for the narrowest.
fn kind(lanelet: &Element<'_, '_>) -> Result<Kind, Wrong> {
    let mut kinds = Vec::new();
    for of in lanelet.children("laneletType") {
        kinds.push(match of.text() {
            "crosswalk" => Kind::Crosswalk,
            "sidewalk" => Kind::Lane(LaneKind::Pedestrian),
            "bicycleLane" => Kind::Lane(LaneKind::Bicycle),
            "busLane" | "busStop" => Kind::Lane(LaneKind::Bus),
            "shoulder" | "border" | "parking" | "restricted" => Kind::Lane(LaneKind::Other),
            "urban" | "country" | "highway" | "interstate" | "driveWay" | "mainCarriageWay"
            | "accessRamp" | "exitRamp" | "intersection" | "unknown" => {
                Kind::Lane(LaneKind::Vehicle)
            }
            _ => return Err(of.wrong("", "a lanelet type of 2020a")),
        });
    }
    let narrowest = [
        Kind::Crosswalk,
        Kind::Lane(LaneKind::Pedestrian),
        Kind::Lane(LaneKind::Bicycle),
        Kind::Lane(LaneKind::Bus),
        Kind::Lane(LaneKind::Other),
    ];
    let found = narrowest.into_iter().find(|kind| kinds.contains(kind));
    Ok(found.unwrap_or(Kind::Lane(LaneKind::Vehicle)))
}
