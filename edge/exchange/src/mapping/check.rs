//! What a mapping may not say. Found when it is loaded, before any row is read.

use super::rule::{MoneyForm, RuleTable};
use super::sections::{Holds, Rules};
use super::{Condition, Rule};
use crate::kind::Kind;

/// A key and what is wrong with it.
pub(super) type Problem = (String, String);

/// Checks the mapping as a whole; the first problem is enough.
pub(super) fn check(rules: &mut Rules) -> Result<(), Problem> {
    sections(rules)?;
    needed(rules)?;
    filters(rules)?;
    settle_money(rules);
    let mut problem = None;
    rules.visit(&mut |key, holds, rule| {
        if problem.is_none() {
            problem = self::rule(key, holds, rule).err();
        }
    });
    problem.map_or(Ok(()), Err)
}

fn wrong<T>(key: impl Into<String>, problem: impl Into<String>) -> Result<T, Problem> {
    Err((key.into(), problem.into()))
}

fn sections(rules: &Rules) -> Result<(), Problem> {
    let tables = [
        ("product", rules.product.is_some(), Kind::Products),
        ("variant", rules.variant.is_some(), Kind::Products),
        ("user", rules.user.is_some(), Kind::Users),
        ("order", rules.order.is_some(), Kind::Orders),
        ("line", rules.line.is_some(), Kind::Orders),
        ("category", rules.category.is_some(), Kind::Categories),
    ];
    for (name, present, kind) in tables {
        if present != (kind == rules.kind) {
            let kind = rules.kind.as_str();
            return match present {
                true => wrong(name, format!("a mapping of {kind} has no such table; remove it")),
                false => wrong(name, format!("a mapping of {kind} needs this table; add [{name}]")),
            };
        }
    }
    Ok(())
}

fn needed(rules: &Rules) -> Result<(), Problem> {
    let mut fields = Vec::new();
    if let Some(product) = &rules.product {
        fields.push(("product.title", product.title.is_some()));
    }
    if let Some(variant) = &rules.variant {
        fields.push(("variant.sku", variant.sku.is_some()));
        fields.push(("variant.prices", !variant.prices.is_empty()));
    }
    if let Some(user) = &rules.user {
        fields.extend([("user.email", user.email.is_some()), ("user.name", user.name.is_some())]);
    }
    if let Some(order) = &rules.order {
        fields.extend([
            ("order.source", order.source.is_some()),
            ("order.number", order.number.is_some()),
            ("order.placed_at", order.placed_at.is_some()),
        ]);
    }
    if let Some(line) = &rules.line {
        fields.extend([
            ("line.sku", line.sku.is_some()),
            ("line.quantity", line.quantity.is_some()),
            ("line.subtotal", line.subtotal.is_some()),
        ]);
    }
    if let Some(category) = &rules.category {
        fields.push(("category.title", category.title.is_some()));
    }
    match fields.into_iter().find(|(_, present)| !present) {
        Some((key, _)) => wrong(key, "is needed; say which column it comes from"),
        None => Ok(()),
    }
}

fn filters(rules: &Rules) -> Result<(), Problem> {
    for (key, filters) in [("skip_when", &rules.skip_when), ("reject_when", &rules.reject_when)] {
        for (index, filter) in filters.iter().enumerate() {
            let key = format!("{key}[{index}]");
            condition(&key, filter)?;
            if filter.reason.is_none() {
                return wrong(key, "needs a reason: rows are never left out without one");
            }
        }
    }
    let Some(group) = &rules.group else { return Ok(()) };
    if group.by.is_empty() {
        return wrong("group.by", "names no column; say which columns the rows of one document share");
    }
    if matches!(rules.kind, Kind::Users | Kind::Categories) {
        return wrong(
            "group",
            "only products and orders are made of several rows; use [distinct] to take one",
        );
    }
    group.parent_when.as_ref().map_or(Ok(()), |parent| condition("group.parent_when", parent))
}

fn condition(key: &str, condition: &Condition) -> Result<(), Problem> {
    if condition.column.is_empty() {
        return wrong(key, "names no column to test");
    }
    if !condition.has_test() {
        let tests = "equals, one_of, starts_with, ends_with, contains, blank, below or above";
        return wrong(key, format!("tests nothing; add {tests}"));
    }
    Ok(())
}

/// Gives each rule of money the mapping's own currency and marks unless it says its own.
fn settle_money(rules: &mut Rules) {
    let (currency, column) = (rules.currency, rules.currency_column.clone());
    let (decimal, thousands) = (rules.file.decimal_mark, rules.file.thousands_mark);
    rules.visit(&mut |_, holds, Rule(rule)| {
        rule.decimal_mark = rule.decimal_mark.or(decimal);
        rule.thousands_mark = rule.thousands_mark.or(thousands);
        if matches!(holds, Holds::Money | Holds::Prices)
            && rule.currency.is_none()
            && rule.currency_column.is_none()
        {
            rule.currency = currency;
            rule.currency_column.clone_from(&column);
        }
    });
}

fn rule(key: &str, holds: Holds, Rule(rule): &Rule) -> Result<(), Problem> {
    let sources = [
        rule.column.is_some(),
        rule.constant.is_some(),
        rule.template.is_some(),
        rule.any.is_some(),
        rule.sum.is_some(),
    ];
    if sources.into_iter().filter(|given| *given).count() != 1 {
        return wrong(key, "give exactly one of column, const, template, any and sum");
    }
    fitting(key, holds, rule)?;
    if let Some(when) = &rule.when {
        condition(&format!("{key}.when"), when)?;
    }
    if rule.decimal_mark.is_some() && rule.decimal_mark == rule.thousands_mark {
        return wrong(key, "decimal_mark and thousands_mark are the same");
    }
    let parts = rule.any.iter().flatten().enumerate();
    for (index, part) in parts {
        // A part gives text only; what the field needs of it is said once, outside.
        self::rule(&format!("{key}.any[{index}]"), Holds::Text, part)?;
    }
    match holds {
        Holds::Money | Holds::Prices => money(key, rule),
        Holds::Time => time(key, rule),
        Holds::Weight if rule.unit.is_none() && rule.unit_column.is_none() => {
            wrong(key, "say the unit: g, kg, lb or oz; or the unit_column that names it")
        }
        _ => Ok(()),
    }
}

/// A key that means nothing for its field is a mistake that would go unseen.
fn fitting(key: &str, holds: Holds, rule: &RuleTable) -> Result<(), Problem> {
    let money = matches!(holds, Holds::Money | Holds::Prices);
    let number = money || matches!(holds, Holds::Number | Holds::Weight);
    let list = matches!(holds, Holds::List | Holds::Prices);
    let keys = [
        ("money", rule.money != MoneyForm::Decimal, money),
        ("currency", rule.currency.is_some(), money),
        ("currency_column", rule.currency_column.is_some(), money),
        ("whole_only", rule.whole_only, money),
        ("times", rule.times.is_some(), number),
        ("divide_by", rule.divide_by.is_some(), number),
        ("round", rule.round.is_some(), number),
        ("sum", rule.sum.is_some(), number),
        ("unit", rule.unit.is_some(), holds == Holds::Weight),
        ("unit_column", rule.unit_column.is_some(), holds == Holds::Weight),
        ("time", rule.time.is_some(), holds == Holds::Time),
        ("zone", rule.zone.is_some(), holds == Holds::Time),
        ("split", rule.split.is_some(), list),
        ("slug", rule.slug, holds == Holds::Text),
    ];
    let of_text = rule.sum.is_none();
    let with_sum = [
        ("default", rule.default.is_some(), of_text),
        ("map", rule.map.is_some(), of_text),
        ("trim", rule.trim.is_some(), of_text),
        ("split", rule.split.is_some(), of_text),
    ];
    match keys.into_iter().chain(with_sum).find(|(_, given, fits)| *given && !fits) {
        Some((name, ..)) => wrong(format!("{key}.{name}"), "means nothing for this field; remove it"),
        None if rule.split.as_deref() == Some("") => wrong(format!("{key}.split"), "is empty"),
        None => Ok(()),
    }
}

fn money(key: &str, rule: &RuleTable) -> Result<(), Problem> {
    let named = rule.currency.is_some() || rule.currency_column.is_some();
    match rule.money {
        MoneyForm::Decimal | MoneyForm::Minor if !named => wrong(
            key,
            "say the currency, as currency = \"EUR\" or currency_column = \"..\", here or at the top",
        ),
        MoneyForm::WithCode if rule.sum.is_some() => wrong(key, "amounts with codes cannot be summed"),
        _ => Ok(()),
    }
}

fn time(key: &str, rule: &RuleTable) -> Result<(), Problem> {
    let Some(pattern) = &rule.time else { return Ok(()) };
    let zoned = ["%z", "%:z", "%s", "%Q"].iter().any(|part| pattern.contains(part));
    if !zoned && rule.zone.is_none() {
        return wrong(key, "these times have no zone; say which is meant, as zone = \"UTC\" or \"+02:00\"");
    }
    if zoned && rule.zone.is_some() {
        return wrong(key, "the times have a zone of their own; remove zone");
    }
    Ok(())
}
