//! What was asked and answered, in a form that is the same for every run that behaves the same.

mod names;

use std::fmt::Write as _;

use shoal_types::{Clock as _, SystemClock};

use crate::client::{Answer, Request};
use names::Names;

/// Headers that are another with every answer; the one with the request's id is compared by its name.
const OWN: [&str; 1] = ["date"];
/// The header with the request's id, which the body of a problem repeats.
const REQUEST_ID: &str = "x-request-id";
/// Lines shown before and after the first that differ.
const AROUND: usize = 3;

/// A request and its answer, with names for what is drawn or timed.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// How it was asked.
    pub method: http::Method,
    /// The path with its query.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// The stable code of a problem; empty for what is none.
    pub code: String,
    /// Where the answer came from.
    pub from: String,
    asked: String,
    answered: String,
}

/// Sends requests one after another and keeps what came of them.
#[derive(Debug, Default)]
pub struct Recording {
    exchanges: Vec<Exchange>,
    names: Names,
}

impl Recording {
    /// Sends a request and keeps it with its answer.
    ///
    /// Lists are in the order of ids, which is that of time down to a millisecond: what is made after another thing is
    /// made in a later one.
    pub async fn send(&mut self, request: Request) -> Answer {
        if request.method() != http::Method::GET {
            next_millisecond().await;
        }
        let (method, path) = (request.method().clone(), request.path().to_owned());
        let asked = self.names.replace(&format!("{method} {path} {}", request.text()));
        let answer = request.patiently().await;
        let answered = self.comparable(&answer);
        let (status, code, from) = (answer.status, answer.code(), answer.from.clone());
        self.exchanges.push(Exchange { method, path, status, code, from, asked, answered });
        answer
    }

    /// Every byte of an answer but what cannot be the same twice.
    fn comparable(&mut self, answer: &Answer) -> String {
        let mut text = format!("{}\n", answer.status);
        if is_of_the_node(answer) {
            return text;
        }
        let mut headers: Vec<_> = answer.headers.iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        for (name, value) in headers.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            let value = String::from_utf8_lossy(value.as_bytes());
            writeln!(text, "{name}: {value}").expect("a text takes more text");
        }
        text.push_str(&String::from_utf8_lossy(&answer.body));
        match answer.header(REQUEST_ID) {
            "" => self.names.replace(&text),
            id => self.names.replace(&text.replace(id, "<request>")),
        }
    }

    /// What was said, in its order.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// The first answer that is not the same in `other`, in words.
    pub fn difference(&self, other: &Self) -> Option<String> {
        for (number, (one, two)) in self.exchanges.iter().zip(&other.exchanges).enumerate() {
            if one.asked != two.asked {
                return Some(format!("request {number} is\n  {}\nand\n  {}", one.asked, two.asked));
            }
            if one.answered != two.answered {
                let (asked, from) = (&one.asked, (&one.from, &two.from));
                let lines = differing(&one.answered, &two.answered);
                return Some(format!(
                    "request {number}: {asked}\nanswered by {} and {}\n{lines}",
                    from.0, from.1
                ));
            }
        }
        let (one, two) = (self.exchanges.len(), other.exchanges.len());
        (one != two).then(|| format!("{one} requests and {two}"))
    }
}

/// What the one node that was asked says of itself, which need not be what another says.
fn is_of_the_node(answer: &Answer) -> bool {
    answer.status == 200 && ["GET /metrics", "GET /v1/cluster"].contains(&answer.asked.as_str())
}

/// The first place where two answers differ, a member of an object a line.
fn differing(one: &str, two: &str) -> String {
    let broken = |text: &str| text.replace(",\"", ",\n\"").replace('{', "{\n");
    let (one, two) = (broken(one), broken(two));
    let (one, two): (Vec<_>, Vec<_>) = (one.lines().collect(), two.lines().collect());
    let first = one.iter().zip(&two).take_while(|(a, b)| a == b).count();
    let from = first.saturating_sub(AROUND);
    let mut text = String::new();
    for line in &one[from..first] {
        writeln!(text, "    {line}").expect("a text takes more text");
    }
    for (sign, lines) in [('-', &one), ('+', &two)] {
        for line in lines.iter().skip(first).take(AROUND) {
            writeln!(text, "  {sign} {line}").expect("a text takes more text");
        }
    }
    text
}

/// Waits until the clock shows another millisecond.
async fn next_millisecond() {
    let shown = || SystemClock.now().as_micros() / 1_000;
    let now = shown();
    while shown() == now {
        tokio::task::yield_now().await;
    }
}
