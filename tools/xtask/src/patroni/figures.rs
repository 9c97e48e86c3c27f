//! What a rehearsal has shown, in figures.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::load::{Bought, Finding, Journal, Look, Purchase};

/// From the loss of the primary to the first purchase acknowledged that began after it.
pub(super) const WRITES_BACK_MAX: Duration = Duration::from_secs(25);
/// Of the looks while no write was possible, in thousandths.
const LOOKS_FAILED_MAX_PER_1000: usize = 10;

/// One loss of the primary.
pub(super) struct Failover {
    /// Which server was lost.
    pub(super) lost: String,
    /// Which took its place.
    pub(super) successor: String,
    pub(super) at: Instant,
    /// Until another server was the primary.
    pub(super) elected: Duration,
    /// Until the first purchase was acknowledged that began afterwards.
    pub(super) writes_back: Duration,
    /// Until the lost server followed the new primary, from its start.
    pub(super) rejoined: Duration,
}

impl Failover {
    /// What it came to.
    pub(super) fn findings(&self, journal: &Journal) -> Vec<Finding> {
        let back = self.at + self.writes_back;
        let looks: Vec<&Look> =
            journal.looks.iter().filter(|look| self.at < look.ended && look.ended <= back).collect();
        let failed = looks.iter().filter(|look| look.failure.is_some()).count();
        let waiting = |purchase: &&Purchase| purchase.begun <= self.at && purchase.ended > self.at;
        let under_way = journal.purchases.iter().filter(waiting).count();
        let most = WRITES_BACK_MAX.as_secs();
        vec![
            plain("another primary after", seconds(self.elected)),
            Finding {
                what: "writes back after".to_owned(),
                figure: format!("{} ({most} s at most)", seconds(self.writes_back)),
                well: self.writes_back <= WRITES_BACK_MAX,
            },
            Finding {
                what: "reads meanwhile".to_owned(),
                figure: format!("{} served, {failed} failed", looks.len() - failed),
                well: looks.len() > failed && failed * 1000 <= looks.len() * LOOKS_FAILED_MAX_PER_1000,
            },
            plain("longest time without a read", seconds(longest_gap(self.at, back, &looks))),
            plain("purchases under way when it was lost", under_way.to_string()),
            plain("the lost server followed again after", seconds(self.rejoined)),
        ]
    }
}

/// What people saw over the whole time.
pub(super) fn of_purchases(journal: &Journal) -> Vec<Finding> {
    let purchases = &journal.purchases;
    let count =
        |matches: fn(&Purchase) -> bool| purchases.iter().filter(|purchase| matches(purchase)).count();
    let acknowledged = count(|purchase| purchase.receipt().is_some());
    let again = count(|purchase| purchase.receipt().is_some() && purchase.attempts > 1);
    let refused = count(|purchase| matches!(purchase.outcome, Bought::Refused(_)));
    let given_up = count(|purchase| matches!(purchase.outcome, Bought::Unknown(_)));
    let mut took: Vec<Duration> =
        purchases.iter().map(|purchase| purchase.ended.duration_since(purchase.begun)).collect();
    took.sort();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    let longest = took.last().copied().unwrap_or_default();
    vec![
        Finding {
            what: "purchases acknowledged".to_owned(),
            figure: format!("{acknowledged}, of them {again} after another try under the same key"),
            well: acknowledged > 0,
        },
        Finding { what: "purchases refused".to_owned(), figure: refused.to_string(), well: refused == 0 },
        Finding { what: "purchases given up".to_owned(), figure: given_up.to_string(), well: given_up == 0 },
        plain(
            "time for a purchase",
            format!("median {} ms, longest {}", median.as_millis(), seconds(longest)),
        ),
    ]
}

/// The reasons that people were given, each once, so that a miss can be understood.
pub(super) fn complaints(journal: &Journal) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let of_purchases = journal.purchases.iter().filter_map(|purchase| match &purchase.outcome {
        Bought::Acknowledged(_) => None,
        Bought::Refused(why) | Bought::Unknown(why) => Some(why),
    });
    for why in of_purchases.chain(journal.looks.iter().filter_map(|look| look.failure.as_ref())) {
        if said.len() < 10 && !said.contains(why) {
            said.push(why.clone());
        }
    }
    said
}

fn plain(what: &str, figure: String) -> Finding {
    Finding { what: what.to_owned(), figure, well: true }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// The longest time between `from` and `to` in which nothing was shown to anybody.
fn longest_gap(from: Instant, to: Instant, looks: &[&Look]) -> Duration {
    let mut served: Vec<Instant> =
        looks.iter().filter(|look| look.failure.is_none()).map(|look| look.ended).collect();
    served.push(to);
    served.sort();
    let mut before = from;
    let mut longest = Duration::ZERO;
    for at in served {
        longest = longest.max(at.duration_since(before));
        before = at;
    }
    longest
}

/// Findings as lines, those that are not as they must be marked.
pub(super) fn lines(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for Finding { what, figure, well } in findings {
        let mark = if *well { "" } else { "   MISSED" };
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "  {what:46} {figure}{mark}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::load::Receipt;
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn failover(start: Instant, writes_back: Duration) -> Failover {
        let (lost, successor) = ("node1".to_owned(), "node2".to_owned());
        Failover {
            lost,
            successor,
            at: start,
            elected: Duration::ZERO,
            writes_back,
            rejoined: Duration::ZERO,
        }
    }

    fn missed(findings: &[Finding]) -> Vec<&str> {
        findings.iter().filter(|finding| !finding.well).map(|finding| finding.what.as_str()).collect()
    }

    #[test]
    fn late_writes_and_failed_reads_are_missed() {
        let start = Instant::now();
        let looks = |failed: usize| -> Vec<Look> {
            let look = |number| Look {
                ended: at(start, 10 * number as u64 + 1),
                failure: (number < failed).then(|| "away".to_owned()),
            };
            (0..200).map(look).collect()
        };
        let journal = |failed| Journal { purchases: Vec::new(), looks: looks(failed) };
        let findings = |failed, s| failover(start, Duration::from_secs(s)).findings(&journal(failed));
        assert_eq!(missed(&findings(2, 25)), [""; 0]);
        assert_eq!(missed(&findings(3, 26)), ["writes back after", "reads meanwhile"]);
        assert_eq!(findings(2, 25)[3].figure, "23.0 s");
        assert!(lines(&findings(3, 25)).contains("197 served, 3 failed   MISSED"));
    }

    #[test]
    fn no_reads_at_all_are_missed() {
        let findings = failover(Instant::now(), Duration::from_secs(1)).findings(&Journal::default());
        assert_eq!(missed(&findings), ["reads meanwhile"]);
    }

    #[test]
    fn what_was_refused_or_given_up_is_missed_and_said_once() {
        let now = Instant::now();
        let purchase =
            |outcome| Purchase { key: String::new(), begun: now, ended: now, attempts: 1, outcome };
        let refused = || purchase(Bought::Refused("no stock".to_owned()));
        let purchases = vec![
            purchase(Bought::Acknowledged(Receipt { number: "1".to_owned(), path: String::new() })),
            refused(),
            refused(),
            purchase(Bought::Unknown("away".to_owned())),
        ];
        let journal = Journal { purchases, looks: Vec::new() };
        assert_eq!(missed(&of_purchases(&journal)), ["purchases refused", "purchases given up"]);
        assert_eq!(complaints(&journal), ["no stock", "away"]);
    }
}
