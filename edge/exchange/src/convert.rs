//! Values of a row by their rules: text, lists, numbers, money, weights, times, JSON.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use serde::de::DeserializeOwned;
use shoal_types::{Currency, Money, Rounding, Timestamp};

use crate::Reject;
use crate::cells::Row;
use crate::mapping::{MoneyForm, Rule, RuleTable, Segment, Unit, Zone};
use crate::number::Fraction;
use crate::summary::Notes;

/// Why a value is no good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) column: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

impl Bad {
    pub(crate) fn new(rule: &Rule, value: &str, code: &'static str, reason: impl Into<String>) -> Self {
        Self { column: rule.first_column(), value: Some(value.to_owned()), code, reason: reason.into() }
    }

    /// As a line of the report.
    pub(crate) fn at_line(self, line: u64) -> Reject {
        Reject::new(line, self.code, self.reason).at(self.column.as_deref(), self.value.as_deref())
    }
}

type Value<T> = Result<Option<T>, Bad>;

/// The text a rule gives; none if it is blank.
pub(crate) fn text<'a>(rule: &'a Rule, row: Row<'a>) -> Value<Cow<'a, str>> {
    let table = &rule.0;
    if table.when.as_ref().is_some_and(|condition| !condition.holds(row)) {
        return Ok(None);
    }
    let found =
        source(table, row)?.map(|found| if table.trim == Some(false) { found } else { trimmed(found) });
    let found = match found.filter(|found| !found.trim().is_empty()) {
        Some(found) => found,
        None => match &table.default {
            Some(default) => Cow::Borrowed(default.as_str()),
            None => return Ok(None),
        },
    };
    let found = match mapped(rule, found)? {
        Some(found) if table.slug => Cow::Owned(crate::slug::slugify(&found)),
        Some(found) => found,
        None => return Ok(None),
    };
    Ok(Some(found).filter(|found| !found.is_empty()))
}

fn source<'a>(table: &'a RuleTable, row: Row<'a>) -> Value<Cow<'a, str>> {
    if let Some(column) = &table.column {
        return Ok(Some(Cow::Borrowed(row.get(column))));
    }
    if let Some(constant) = &table.constant {
        return Ok(Some(Cow::Borrowed(constant)));
    }
    if let Some(template) = &table.template {
        return Ok(filled(&template.0, row).map(Cow::Owned));
    }
    for part in table.any.iter().flatten() {
        if let Some(found) = text(part, row)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The template with its columns filled in; nothing if one of them is blank.
fn filled(segments: &[Segment], row: Row<'_>) -> Option<String> {
    let mut filled = String::new();
    for segment in segments {
        match segment {
            Segment::Text(text) => filled.push_str(text),
            Segment::Column(column) => match row.get(column).trim() {
                "" => return None,
                text => filled.push_str(text),
            },
        }
    }
    Some(filled)
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn mapped<'a>(rule: &'a Rule, found: Cow<'a, str>) -> Value<Cow<'a, str>> {
    let Some(map) = &rule.0.map else { return Ok(Some(found)) };
    match map.get(found.as_ref()).or_else(|| map.get("*")) {
        Some(word) => Ok(Some(Cow::Borrowed(word.as_str())).filter(|word| !word.is_empty())),
        None => {
            let known = map.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(Bad::new(
                rule,
                &found,
                "unmapped_value",
                format!("the mapping knows only {known}; add it to the map"),
            ))
        }
    }
}

/// The texts a rule gives; more than one if it splits.
pub(crate) fn list(rule: &Rule, row: Row<'_>) -> Result<Vec<String>, Bad> {
    let Some(found) = text(rule, row)? else { return Ok(Vec::new()) };
    let Some(split) = &rule.0.split else { return Ok(vec![found.into_owned()]) };
    Ok(found
        .split(split.as_str())
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect())
}

/// `true`, `yes`, `1` and their opposites, in any case.
pub(crate) fn yes_no(rule: &Rule, row: Row<'_>) -> Value<bool> {
    let Some(found) = text(rule, row)? else { return Ok(None) };
    match found.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "t" | "1" | "on" => Ok(Some(true)),
        "false" | "no" | "n" | "f" | "0" | "off" => Ok(Some(false)),
        _ => Err(Bad::new(rule, &found, "invalid_yes_no", "expected yes or no, true or false, 1 or 0")),
    }
}

/// A whole number.
pub(crate) fn whole(rule: &Rule, row: Row<'_>, notes: &mut Notes) -> Value<i64> {
    let Some((number, shown)) = number(rule, row, "invalid_number")? else { return Ok(None) };
    if let Some(whole) = number.whole() {
        return Ok(Some(whole));
    }
    let rounded = rule.0.round.and_then(|round| number.rounded(round.into()));
    let Some(rounded) = rounded else {
        return Err(Bad::new(rule, &shown, "invalid_number", "expected a whole number"));
    };
    notes.add("rounded", || format!("line {}: {shown} to {rounded}", row.line));
    Ok(Some(rounded))
}

/// Grams, rounded to the nearest.
pub(crate) fn grams(rule: &Rule, row: Row<'_>) -> Value<u32> {
    let Some((number, shown)) = number(rule, row, "invalid_weight")? else { return Ok(None) };
    let word =
        rule.0.unit_column.as_ref().map(|column| row.get(column).trim()).filter(|word| !word.is_empty());
    let unit = match word {
        Some(word) => Unit::parse(word).ok_or_else(|| {
            Bad::new(rule, word, "unknown_unit", "expected a unit of weight: g, kg, lb or oz")
        })?,
        None => match rule.0.unit {
            Some(unit) => unit,
            None => return Err(Bad::new(rule, &shown, "unknown_unit", "the weight has no unit")),
        },
    };
    let (grams, of) = unit.grams();
    let weight = Fraction::new(grams, of).and_then(|factor| number.times(factor));
    let grams = weight
        .and_then(|weight| weight.rounded(Rounding::HalfUp))
        .and_then(|grams| u32::try_from(grams).ok());
    grams
        .map(Some)
        .ok_or_else(|| Bad::new(rule, &shown, "invalid_weight", "the weight is negative or too large"))
}

/// An amount of money.
pub(crate) fn money(rule: &Rule, row: Row<'_>, notes: &mut Notes) -> Value<Money> {
    if rule.0.money == MoneyForm::WithCode {
        let Some(found) = text(rule, row)? else { return Ok(None) };
        return money_with_code(rule, &found, row, notes);
    }
    let Some((number, shown)) = number(rule, row, "invalid_money")? else { return Ok(None) };
    let currency = currency(rule, row)?;
    minor(rule, number, currency, &shown, row, notes)
}

/// The amounts of a list such as `19.99 EUR; 21.50 USD`, or the one amount of the cell.
pub(crate) fn prices(rule: &Rule, row: Row<'_>, notes: &mut Notes) -> Result<Vec<Money>, Bad> {
    if rule.0.split.is_none() {
        return Ok(money(rule, row, notes)?.into_iter().collect());
    }
    let mut prices = Vec::new();
    for part in list(rule, row)? {
        let price = match rule.0.money {
            MoneyForm::WithCode => money_with_code(rule, &part, row, notes)?,
            _ => {
                let number = parse(rule, &part, "invalid_money")?;
                let currency = currency(rule, row)?;
                minor(rule, number, currency, &part, row, notes)?
            }
        };
        prices.extend(price);
    }
    Ok(prices)
}

fn money_with_code(rule: &Rule, found: &str, row: Row<'_>, notes: &mut Notes) -> Value<Money> {
    let wrong =
        || Bad::new(rule, found, "invalid_money", "expected an amount and its currency, such as 19.99 EUR");
    let (amount, code) = found.trim().rsplit_once(' ').ok_or_else(wrong)?;
    let currency: Currency = code.parse().map_err(|_| wrong())?;
    let number = parse(rule, amount.trim(), "invalid_money")?;
    minor(rule, number, currency, found, row, notes)
}

fn currency(rule: &Rule, row: Row<'_>) -> Result<Currency, Bad> {
    let code = rule.0.currency_column.as_ref().map(|column| (column, row.get(column).trim()));
    match (code, rule.0.currency) {
        (Some((column, code)), _) if !code.is_empty() => {
            code.to_ascii_uppercase().parse().map_err(|problem: &str| Bad {
                column: Some(column.clone()),
                value: Some(code.to_owned()),
                code: "unknown_currency",
                reason: problem.to_owned(),
            })
        }
        (_, Some(currency)) => Ok(currency),
        (column, None) => Err(Bad {
            column: column.map(|(column, _)| column.clone()),
            value: None,
            code: "unknown_currency",
            reason: "the amount has no currency".to_owned(),
        }),
    }
}

/// The number as money: exact, or rounded by the rule's own rounding and noted.
fn minor(
    rule: &Rule,
    number: Fraction,
    currency: Currency,
    shown: &str,
    row: Row<'_>,
    notes: &mut Notes,
) -> Value<Money> {
    let unit = match rule.0.money {
        MoneyForm::Minor => 1,
        MoneyForm::Decimal | MoneyForm::WithCode => 10_i128.pow(currency.exponent()),
    };
    let amount = Fraction::new(unit, 1).and_then(|unit| number.times(unit));
    if let Some(whole) = amount.and_then(Fraction::whole) {
        return Ok(Some(Money::new(whole, currency)));
    }
    if rule.0.whole_only {
        return Ok(None);
    }
    let rounded = rule.0.round.zip(amount).and_then(|(round, amount)| amount.rounded(round.into()));
    let Some(rounded) = rounded else {
        let reason = format!(
            "{currency} has {} decimal places; the amount has more, or is too large",
            currency.exponent()
        );
        return Err(Bad::new(rule, shown, "invalid_money", reason));
    };
    let money = Money::new(rounded, currency);
    notes.add("rounded", || format!("line {}: {shown} to {money}", row.line));
    Ok(Some(money))
}

/// The number a rule gives, with the text it was read from. A zero divisor gives nothing.
fn number(rule: &Rule, row: Row<'_>, code: &'static str) -> Value<(Fraction, String)> {
    let table = &rule.0;
    let (mut number, shown) = match &table.sum {
        Some(columns) => match sum(rule, columns, row, code)? {
            Some(sum) => sum,
            None => return Ok(None),
        },
        None => match text(rule, row)? {
            Some(found) => (parse(rule, &found, code)?, found.into_owned()),
            None => return Ok(None),
        },
    };
    let too_large = |shown: &str| Bad::new(rule, shown, code, "the number is too large");
    if let Some(column) = &table.times {
        let factor = operand(rule, column, row, code)?;
        number = number.times(factor).ok_or_else(|| too_large(&shown))?;
    }
    if let Some(column) = &table.divide_by {
        let divisor = operand(rule, column, row, code)?;
        if divisor.is_zero() {
            return Ok(None);
        }
        number = number.divided_by(divisor).ok_or_else(|| too_large(&shown))?;
    }
    Ok(Some((number, shown)))
}

/// Blank cells add nothing; none if all are blank.
fn sum(rule: &Rule, columns: &[String], row: Row<'_>, code: &'static str) -> Value<(Fraction, String)> {
    if rule.0.when.as_ref().is_some_and(|condition| !condition.holds(row)) {
        return Ok(None);
    }
    let mut total = None;
    let mut shown = String::new();
    for column in columns {
        let cell = row.get(column).trim();
        if cell.is_empty() {
            continue;
        }
        let number = operand(rule, column, row, code)?;
        let so_far = total.unwrap_or(Fraction::ZERO);
        let sum = so_far.plus(number).ok_or_else(|| Bad::new(rule, cell, code, "the sum is too large"))?;
        total = Some(sum);
        shown.push_str(if shown.is_empty() { "" } else { " + " });
        shown.push_str(cell);
    }
    Ok(total.map(|total| (total, shown)))
}

fn operand(rule: &Rule, column: &str, row: Row<'_>, code: &'static str) -> Result<Fraction, Bad> {
    let cell = row.get(column).trim();
    parse(rule, cell, code).map_err(|bad| Bad { column: Some(column.to_owned()), ..bad })
}

fn parse(rule: &Rule, found: &str, code: &'static str) -> Result<Fraction, Bad> {
    let decimal = rule.0.decimal_mark.unwrap_or('.');
    let number = Fraction::parse_marked(found, decimal, rule.0.thousands_mark);
    number.ok_or_else(|| {
        let example = if decimal == ',' { "19,99" } else { "19.99" };
        let hint = match found.contains(',') && decimal == '.' {
            true => "; if the comma is the decimal mark, say decimal_mark = \",\" in the mapping",
            false => "",
        };
        Bad::new(rule, found, code, format!("expected a number such as {example}{hint}"))
    })
}

/// An instant: RFC 3339, or by the rule's pattern and zone.
pub(crate) fn time(rule: &Rule, row: Row<'_>) -> Value<Timestamp> {
    let Some(found) = text(rule, row)? else { return Ok(None) };
    let read = match &rule.0.time {
        None => Timestamp::parse(&found),
        Some(pattern) => by_pattern(pattern, &found, rule.0.zone),
    };
    read.map(Some).ok_or_else(|| {
        let wanted = rule.0.time.as_deref().unwrap_or("2026-05-03T10:12:00Z");
        Bad::new(rule, &found, "invalid_time", format!("expected a time such as {wanted}"))
    })
}

fn by_pattern(pattern: &str, found: &str, zone: Option<Zone>) -> Option<Timestamp> {
    let broken = strtime::parse(pattern, found).ok()?;
    let at = match zone {
        None => broken.to_timestamp().ok()?,
        Some(zone) => {
            let civil: DateTime = match broken.to_datetime() {
                Ok(civil) => civil,
                Err(_) => broken.to_date().ok()?.into(),
            };
            Offset::from_seconds(zone.0).ok()?.to_timestamp(civil).ok()?
        }
    };
    Some(Timestamp::from_micros(at.as_microsecond()))
}

/// A cell that holds JSON.
pub(crate) fn json<T: DeserializeOwned>(column: &str, row: Row<'_>) -> Value<T> {
    let cell = row.get(column).trim();
    if cell.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(cell).map(Some).map_err(|error| Bad {
        column: Some(column.to_owned()),
        value: Some(cell.to_owned()),
        code: "invalid_json",
        reason: format!("the cell is not the JSON that is expected there: {error}"),
    })
}
