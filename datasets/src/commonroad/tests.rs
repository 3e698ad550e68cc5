//! Small scenarios of both versions, and spoilt ones.

use super::*;
use crate::annotation::Class;
use crate::roads::{LaneKind, Neighbour};
use proptest::prelude::*;

const NEW: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<commonRoad timeStepSize="0.1" commonRoadVersion="2020a" author="A" affiliation="B" source="C"
    benchmarkID="ZAM_Test-1_1_T-1" date="2020-01-01">
  <scenarioTags><urban/><two_lane/></scenarioTags>
  <lanelet id="1">
    <leftBound><point><x>0</x><y>2</y></point><point><x>20</x><y>2</y></point></leftBound>
    <rightBound><point><x>0</x><y>-2</y></point><point><x>20</x><y>-2</y></point></rightBound>
    <successor ref="2"/><adjacentLeft ref="3" drivingDir="opposite"/>
    <laneletType>urban</laneletType><laneletType>busLane</laneletType>
    <trafficSignRef ref="90"/><trafficSignRef ref="91"/>
  </lanelet>
  <lanelet id="2">
    <leftBound><point><x>20</x><y>2</y></point><point><x>40</x><y>2</y></point></leftBound>
    <rightBound><point><x>20</x><y>-2</y></point><point><x>40</x><y>-2</y></point></rightBound>
    <predecessor ref="1"/><laneletType>urban</laneletType>
    <userBidirectional>vehicle</userBidirectional>
  </lanelet>
  <lanelet id="3">
    <leftBound><point><x>20</x><y>2</y></point><point><x>0</x><y>2</y></point></leftBound>
    <rightBound><point><x>20</x><y>6</y></point><point><x>0</x><y>6</y></point></rightBound>
    <userBidirectional>pedestrian</userBidirectional>
  </lanelet>
  <lanelet id="4">
    <leftBound><point><x>5</x><y>-3</y></point><point><x>5</x><y>7</y></point></leftBound>
    <rightBound><point><x>8</x><y>-3</y></point><point><x>8</x><y>7</y></point></rightBound>
    <laneletType>crosswalk</laneletType>
  </lanelet>
  <trafficSign id="90"><trafficSignElement><trafficSignID>274</trafficSignID>
    <additionalValue>8.5</additionalValue></trafficSignElement></trafficSign>
  <trafficSign id="91"><trafficSignElement><trafficSignID>206</trafficSignID></trafficSignElement></trafficSign>
  <staticObstacle id="50"><type>parkedVehicle</type>
    <shape><rectangle><length>4.5</length><width>2</width></rectangle>
      <circle><radius>1</radius><center><x>2</x><y>0</y></center></circle></shape>
    <initialState><position><point><x>9</x><y>3</y></point></position>
      <orientation><exact>0.5</exact></orientation><time><exact>0</exact></time></initialState>
  </staticObstacle>
  <dynamicObstacle id="51"><type>pedestrian</type>
    <shape><circle><radius>0.3</radius></circle></shape>
    <initialState><position><rectangle><length>1</length><width>1</width><orientation>0.2</orientation>
      <center><x>6</x><y>-3</y></center></rectangle></position>
      <orientation><intervalStart>1.4</intervalStart><intervalEnd>1.7</intervalEnd></orientation>
      <time><exact>0</exact></time></initialState>
    <occupancySet><occupancy>
      <shape><polygon><point><x>6</x><y>-3</y></point><point><x>7</x><y>-3</y></point>
        <point><x>6</x><y>-2</y></point></polygon></shape>
      <time><intervalStart>1</intervalStart><intervalEnd>2</intervalEnd></time>
    </occupancy></occupancySet>
  </dynamicObstacle>
  <dynamicObstacle id="52"><type>car</type>
    <shape><rectangle><length>4</length><width>2</width></rectangle></shape>
    <initialState><position><point><x>0</x><y>0</y></point></position>
      <orientation><exact>0</exact></orientation><time><exact>0</exact></time></initialState>
    <trajectory>
      <state><position><point><x>1</x><y>0</y></point></position><orientation><exact>0</exact></orientation>
        <time><exact>1</exact></time><velocity><exact>10</exact></velocity></state>
      <state><position><point><x>2</x><y>0</y></point></position><orientation><exact>0</exact></orientation>
        <time><exact>2</exact></time><velocity><exact>10</exact></velocity></state>
    </trajectory>
  </dynamicObstacle>
  <planningProblem id="100">
    <initialState><position><point><x>1</x><y>0</y></point></position>
      <velocity><exact>5</exact></velocity><orientation><exact>0.1</exact></orientation>
      <yawRate><exact>0</exact></yawRate><slipAngle><exact>0</exact></slipAngle>
      <time><exact>0</exact></time></initialState>
    <goalState><position><lanelet ref="2"/></position>
      <time><intervalStart>30</intervalStart><intervalEnd>40</intervalEnd></time>
      <velocity><intervalStart>0</intervalStart><intervalEnd>5</intervalEnd></velocity></goalState>
    <goalState><time><exact>50</exact></time></goalState>
  </planningProblem>
</commonRoad>"#;

const OLD: &str = r#"<commonRoad timeStepSize="0.2" commonRoadVersion="2018b" benchmarkID="DEU_A-1" tags="urban fast">
  <lanelet id="7">
    <leftBound><point><x>0</x><y>2</y></point><point><x>20</x><y>2</y></point></leftBound>
    <rightBound><point><x>0</x><y>-2</y></point><point><x>20</x><y>-2</y></point></rightBound>
    <speedLimit>13.9</speedLimit>
  </lanelet>
  <obstacle id="8"><role>static</role><type>truck</type>
    <shape><rectangle><length>8</length><width>2.5</width></rectangle></shape>
    <initialState><position><point><x>9</x><y>3</y></point></position><time><exact>0</exact></time></initialState>
  </obstacle>
</commonRoad>"#;

fn parsed(text: &str) -> Scenario {
    Scenario::parse(Path::new("x.xml"), text).expect("is whole")
}

#[test]
fn a_scenario_of_2020a_is_read() {
    let scenario = parsed(NEW);
    let header = &scenario.header;
    assert_eq!(
        (&*header.benchmark_id, header.version),
        ("ZAM_Test-1_1_T-1", Version::V2020a)
    );
    assert_eq!(header.tags, ["urban", "two_lane"]);
    let lanes = scenario.roads.lanes();
    let kinds: Vec<LaneKind> = lanes.iter().map(|lane| lane.kind).collect();
    let [vehicle, foot] = [LaneKind::Vehicle, LaneKind::Pedestrian];
    assert_eq!(kinds, [LaneKind::Bus, vehicle, vehicle, foot]);
    assert_eq!(
        (lanes[0].successors.as_slice(), lanes[0].speed_limit),
        (&[1][..], Some(8.5))
    );
    let opposite = Neighbour {
        lane: 2,
        same_way: false,
    };
    assert_eq!(lanes[0].left_neighbour, Some(opposite));
    let both_ways: Vec<bool> = lanes.iter().map(|lane| lane.both_ways).collect();
    assert_eq!(both_ways, [false, true, false, false]);
    assert!(scenario.roads.crossings()[0].holds([6.0, 6.9]));
    assert_eq!(lanes[0].centre.points(), [[0.0; 3], [20.0, 0.0, 0.0]]);
}

#[test]
fn obstacles_keep_what_is_known_of_them() {
    let scenario = parsed(NEW);
    let [parked, walker, car] = scenario.obstacles.as_slice() else {
        panic!("three obstacles");
    };
    assert_eq!(
        (parked.id, parked.role, parked.class),
        (50, Role::Static, Class::Car)
    );
    assert_eq!(
        (parked.shape.len(), &parked.behaviour),
        (2, &Behaviour::Untold)
    );
    let state = walker.initial.as_ref().expect("is told");
    assert!(matches!(&state.position, Some(Position::Area(area)) if area.len() == 1));
    let orientation = state.orientation.expect("is told");
    assert_eq!(
        (orientation.least, orientation.most, orientation.exact()),
        (1.4, 1.7, None)
    );
    let Behaviour::Occupancy(set) = &walker.behaviour else {
        panic!("occupies a set");
    };
    assert_eq!(set[0].time, Steps { first: 1, last: 2 });
    assert!(matches!(&set[0].shape[0], Shape::Polygon { corners } if corners.len() == 3));
    let Behaviour::Trajectory(states) = &car.behaviour else {
        panic!("has a trajectory");
    };
    assert_eq!(states[1].position, Some(Position::Point([2.0, 0.0])));
    assert_eq!(states[1].velocity.and_then(Interval::exact), Some(10.0));
}

#[test]
fn a_problem_says_from_where_to_where() {
    let scenario = parsed(NEW);
    let [problem] = scenario.problems.as_slice() else {
        panic!("one problem");
    };
    let initial = &problem.initial;
    assert_eq!(
        (problem.id, initial.at, initial.yaw, initial.speed),
        (100, [1.0, 0.0], 0.1, 5.0)
    );
    let [on_lane, later] = problem.goals.as_slice() else {
        panic!("two goals");
    };
    assert_eq!(on_lane.position, Some(Position::Lanes(vec![1])));
    assert_eq!(
        on_lane.time,
        Steps {
            first: 30,
            last: 40
        }
    );
    assert_eq!(
        (&later.position, later.time.first, later.time.last),
        (&None, 50, 50)
    );
}

#[test]
fn a_scenario_of_2018b_is_read() {
    let scenario = parsed(OLD);
    assert_eq!(scenario.header.tags, ["urban", "fast"]);
    assert_eq!((scenario.time_step_s, &*scenario.header.author), (0.2, ""));
    assert_eq!(scenario.roads.lanes()[0].speed_limit, Some(13.9));
    let obstacle = &scenario.obstacles[0];
    assert_eq!(
        (obstacle.role, obstacle.class),
        (Role::Static, Class::Truck)
    );
    assert!(scenario.problems.is_empty());
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |from: &str, to: &str| {
        assert!(NEW.contains(from), "{from}");
        let text = NEW.replacen(from, to, 1);
        let error = Scenario::parse(Path::new("x.xml"), &text).expect_err("is wrong");
        let said = error.to_string();
        assert!(!said.contains('\n'), "{said}");
        said.strip_prefix("x.xml: ")
            .expect("names the file")
            .to_owned()
    };
    let starts = |from, to, expected: &str| {
        let said = wrong(from, to);
        assert!(said.starts_with(expected), "{said}");
    };
    starts(
        "2020a",
        "2017a",
        "commonRoad/commonRoadVersion: expected 2018b or",
    );
    starts(
        "\"0.1\"",
        "\"0\"",
        "commonRoad/timeStepSize: expected a time",
    );
    starts("commonRoad ", "road ", "XML: ");
    starts("<x>0</x>", "<x>nan</x>", "lanelet 1: x: expected a number");
    starts("<x>0</x>", "", "lanelet 1: point/x: expected a x there");
    starts(
        "successor ref=\"2\"",
        "successor ref=\"9\"",
        "lane 1: successor: expected a lane that",
    );
    starts(
        "\"opposite\"",
        "\"up\"",
        "lanelet 1: adjacentLeft/drivingDir: expected same or",
    );
    starts(
        ">busLane<",
        ">canal<",
        "lanelet 1: laneletType: expected a lanelet type",
    );
    starts(
        "<trafficSignRef ref=\"90\"/>",
        "<trafficSignRef ref=\"9\"/>",
        "lanelet 1: trafficSignRef/ref: ",
    );
    starts(
        ">8.5<",
        ">fast<",
        "trafficSign 90: additionalValue: expected a number",
    );
    starts(
        "<radius>1<",
        "<radius>-1<",
        "staticObstacle 50: radius: expected a number above",
    );
    starts(
        "<state><position><point><x>1</x><y>0</y></point></position>",
        "<state>",
        "dynamicObstacle 52: state/position: expected a place",
    );
    starts(
        "<time><exact>2</exact></time><vel",
        "<time><exact>1</exact></time><vel",
        "dynamicObstacle 52: trajectory: expected one or more states",
    );
    starts(
        "<time><exact>2</exact></time><vel",
        "<time><exact>1.5</exact></time><vel",
        "dynamicObstacle 52: time: expected whole time steps",
    );
    starts(
        "<velocity><exact>5</exact></velocity>",
        "",
        "planningProblem 100: initialState/velocity: expected an exact value",
    );
    starts(
        "lanelet ref=\"2\"",
        "lanelet ref=\"20\"",
        "planningProblem 100: lanelet/ref: ",
    );
    starts(
        "<intervalEnd>5<",
        "<intervalEnd>-5<",
        "planningProblem 100: velocity: expected an interval",
    );
    starts(
        "<commonRoad",
        "<!DOCTYPE a><commonRoad",
        "XML: expected a whole document",
    );
    let many = "<a/>".repeat(MOST);
    starts(
        "<scenarioTags>",
        &format!("<scenarioTags>{many}"),
        "XML: expected at most",
    );
}

proptest! {
    #[test]
    fn spoilt_text_is_a_scenario_or_an_error(at in 0..NEW.len(), byte: u8, cut: bool, old: bool) {
        let text = if old { OLD } else { NEW };
        let mut bytes = text.as_bytes().to_vec();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let _ = Scenario::parse(Path::new("x"), &String::from_utf8_lossy(&bytes));
    }

    /// Any one number may be spoilt: it is read, or a sentence names the
    /// element.
    #[test]
    fn a_spoilt_number_is_read_or_named(at: prop::sample::Index, with in prop::sample::select(vec![
        "nan", "inf", "-1", "1e300", "99999999999999999999", "", "a", "0",
    ])) {
        let digits: Vec<usize> = NEW.match_indices(|c: char| c.is_ascii_digit()).map(|(i, _)| i).collect();
        let at = digits[at.index(digits.len())];
        let spoilt = format!("{}{with}{}", &NEW[..at], &NEW[at + 1..]);
        if let Err(error) = Scenario::parse(Path::new("x"), &spoilt) {
            prop_assert_eq!(error.reason(), "malformed");
            let said = error.to_string();
            prop_assert!(said.contains(": expected ") && !said.contains('\n'), "{}", said);
        }
    }

    #[test]
    fn any_text_is_refused_in_words(text in any::<String>()) {
        let error = Scenario::parse(Path::new("x"), &text).expect_err("is none");
        prop_assert_eq!(error.reason(), "malformed");
    }
}
