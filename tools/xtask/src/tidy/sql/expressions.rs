//! What may stand in an expression: what means the same on every engine.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArguments, UnaryOperator, Value,
    visit_expressions,
};

use super::parsed::Parsed;

/// Functions that every engine has and that answer the same.
const FUNCTIONS: &[&str] = &["coalesce", "count", "max", "min", "nullif", "sum"];
/// Why some others are not among them.
const REFUSED: &[(&str, &str)] = &[
    ("now", "times are parameters"),
    ("current_timestamp", "times are parameters"),
    ("current_date", "times are parameters"),
    ("current_time", "times are parameters"),
    ("localtimestamp", "times are parameters"),
    ("strftime", "times are parameters"),
    ("gen_random_uuid", "ids are made in Rust"),
    ("uuidv7", "ids are made in Rust"),
    ("nextval", "ids are made in Rust"),
    ("random", "chance is drawn in Rust"),
    ("pg_notify", "no notifications: they lock every commit"),
    ("pg_advisory_lock", "no advisory locks: use a lease row"),
    ("pg_advisory_xact_lock", "no advisory locks: use a lease row"),
    ("pg_try_advisory_lock", "no advisory locks: use a lease row"),
    ("avg", "no floats: sum and count, and divide in Rust"),
    ("lower", "fold the case in Rust: engines fold different letters"),
    ("upper", "fold the case in Rust: engines fold different letters"),
];

/// What `check` finds in each expression of a statement.
fn each(parsed: &Parsed<'_>, mut check: impl FnMut(&Expr) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let _ = visit_expressions(parsed.statement, |expression: &Expr| {
        found.extend(check(expression));
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Only functions that every engine has.
pub(super) fn functions(parsed: &Parsed<'_>) -> Vec<String> {
    each(parsed, |expression| {
        let Expr::Function(function) = expression else { return None };
        let name = function.name.to_string().to_lowercase();
        let single = arguments(function) == 1;
        if FUNCTIONS.contains(&name.as_str()) && (single || !matches!(name.as_str(), "max" | "min")) {
            return None;
        }
        let reason = REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason);
        let known = format!("only {} mean the same on every engine", FUNCTIONS.join(", "));
        Some(format!("`{name}()`: {}", reason.unwrap_or(&known)))
    })
}

fn arguments(function: &Function) -> usize {
    match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => 0,
    }
}

/// Comparisons, sums and `and`/`or`: no division, no JSON, no patterns of one engine.
pub(super) fn operators(parsed: &Parsed<'_>) -> Vec<String> {
    use BinaryOperator as B;
    each(parsed, |expression| match expression {
        Expr::BinaryOp { op: B::Divide | B::Modulo, .. } => {
            Some("no `/` and no `%`: integer division differs by engine, divide in Rust".to_owned())
        }
        Expr::BinaryOp {
            op:
                B::Plus
                | B::Minus
                | B::Multiply
                | B::Gt
                | B::Lt
                | B::GtEq
                | B::LtEq
                | B::Eq
                | B::NotEq
                | B::And
                | B::Or
                | B::StringConcat,
            ..
        } => None,
        Expr::BinaryOp { op, .. } => Some(format!("`{op}`: not every engine has this operator")),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus | UnaryOperator::Not, .. } => None,
        Expr::UnaryOp { op, .. } => Some(format!("`{op}`: not every engine has this operator")),
        _ => None,
    })
}

/// No texts are matched: `like` heeds the case on one engine and not on the other.
pub(super) fn patterns(parsed: &Parsed<'_>) -> Vec<String> {
    each(parsed, |expression| match expression {
        Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } | Expr::RLike { .. } => Some(
            "no `like` and no `ilike`: fold the case in Rust and compare, or search in the index".to_owned(),
        ),
        Expr::Collate { .. } => Some("no collations: the database has one".to_owned()),
        _ => None,
    })
}

/// Types are said once and in one way: `cast(x as bigint)`.
pub(super) fn casts(parsed: &Parsed<'_>) -> Vec<String> {
    each(parsed, |expression| match expression {
        Expr::Cast { kind: CastKind::DoubleColon, .. } => {
            Some("no `::`: write `cast(x as bigint)`".to_owned())
        }
        Expr::Cast {
            kind: CastKind::Cast,
            data_type: DataType::BigInt(None) | DataType::SmallInt(None) | DataType::Text,
            format: None,
            ..
        } => None,
        Expr::Cast { data_type, .. } => {
            let kind = data_type.to_string().to_lowercase();
            Some(format!("`cast(.. as {kind})`: cast to bigint, smallint or text"))
        }
        Expr::Convert { .. } | Expr::AtTimeZone { .. } | Expr::TypedString(_) | Expr::Interval(_) => {
            Some("values have the types of their parameters; times are `bigint` microseconds".to_owned())
        }
        _ => None,
    })
}

/// Whole numbers, texts, null and `$n`.
pub(super) fn literals(parsed: &Parsed<'_>) -> Vec<String> {
    each(parsed, |expression| match expression {
        Expr::Value(value) => literal(&value.value),
        Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) | Expr::IsNotFalse(_) => Some(boolean()),
        _ => None,
    })
}

fn boolean() -> String {
    "booleans are `smallint` 0 and 1".to_owned()
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => None,
        Value::Number(..) => Some("no floats: `bigint` minor units".to_owned()),
        Value::SingleQuotedString(_) | Value::Null => None,
        Value::Placeholder(name) if name.starts_with('$') => None,
        Value::Placeholder(_) => Some("parameters are `$1`, `$2`, ..".to_owned()),
        Value::Boolean(_) => Some(boolean()),
        other => Some(format!("`{other}`: bytes and odd texts are parameters")),
    }
}

/// No arrays, and nothing that looks into them.
pub(super) fn arrays(parsed: &Parsed<'_>) -> Vec<String> {
    each(parsed, |expression| match expression {
        Expr::Array(_)
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::InUnnest { .. }
        | Expr::CompoundFieldAccess { .. } => {
            Some("no arrays: a list is `{in}`, rows are `{rows:N}`".to_owned())
        }
        Expr::JsonAccess { .. } | Expr::IsJson { .. } => {
            Some("JSON is `text`, never queried inside".to_owned())
        }
        _ => None,
    })
}

/// PostgreSQL takes a parameter's type from the first place where it stands, and `is null` gives none.
pub(super) fn typed_parameters(parsed: &Parsed<'_>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    let parameter = |expression: &Expr| match expression {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    each(parsed, |expression| {
        if let Some(name) = parameter(expression) {
            seen.push(name);
        }
        let (Expr::IsNull(inner) | Expr::IsNotNull(inner)) = expression else { return None };
        let name = parameter(inner).filter(|name| !seen.contains(name))?;
        Some(format!("`{name} is null` comes first and tells PostgreSQL no type: compare `{name}` before it"))
    })
}

/// PostgreSQL sums bigint to numeric.
pub(super) fn sums(parsed: &Parsed<'_>) -> Vec<String> {
    let is_sum = |expression: &Expr| matches!(expression, Expr::Function(function) if function.name.to_string().to_lowercase() == "sum");
    let (mut sums, mut cast) = (0_usize, 0_usize);
    each(parsed, |expression| {
        sums += usize::from(is_sum(expression));
        if let Expr::Cast { expr, data_type: DataType::BigInt(None), .. } = expression {
            cast += usize::from(is_sum(expr));
        }
        None
    });
    let message = "PostgreSQL sums bigint to numeric: `cast(sum(..) as bigint)`";
    if sums > cast { vec![message.to_owned()] } else { vec![] }
}

/// Nothing that one of the engines reads in another way or not at all.
pub(super) fn others(parsed: &Parsed<'_>) -> Vec<String> {
    each(parsed, |expression| match expression {
        Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Extract { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. }
        | Expr::Prefixed { .. }
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Struct { .. }
        | Expr::Map(_)
        | Expr::Dictionary(_)
        | Expr::MatchAgainst { .. }
        | Expr::Lambda(_)
        | Expr::IsNormalized { .. } => {
            Some(format!("`{expression}` does not mean the same on every engine: work it out in Rust"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::parsed::tests::in_store;
    use super::*;

    type Rule = fn(&Parsed<'_>) -> Vec<String>;

    /// Each of `bad` is found once in a statement, none of `good` is.
    fn judge(rule: Rule, bad: &[&str], good: &[&str]) {
        for expression in bad {
            let sql = format!("select id from fish where {expression}");
            assert_eq!(in_store(rule, &sql).len(), 1, "{sql}: {:?}", in_store(rule, &sql));
        }
        for expression in good {
            let sql = format!("select id from fish where {expression}");
            assert_eq!(in_store(rule, &sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn functions_are_those_of_every_engine() {
        let bad = [
            "at < now()",
            "at < current_timestamp",
            "id = gen_random_uuid()",
            "random() > 0",
            "lower(name) = $1",
            "pg_advisory_lock(1) = 1",
            "max(a, b) > 1",
            "json_extract(name, $1) = 1",
        ];
        judge(functions, &bad, &["coalesce(a, $1) = 1", "nullif(a, b) is null"]);
        assert_eq!(in_store(functions, "select max(a), count(*) from fish"), [""; 0]);
        assert_eq!(in_store(functions, "select nextval('s')"), ["`nextval()`: ids are made in Rust"]);
    }

    #[test]
    fn operators_are_those_of_every_engine() {
        judge(
            operators,
            &["a / 2 = 1", "a % 2 = 0", "a -> 'x' = 'y'", "name ~ 'x'", "a # 1 = 2"],
            &["a + 1 = 2 - b and not (a * 2 > -1) or name || 'x' <> $1"],
        );
    }

    #[test]
    fn texts_are_not_matched() {
        judge(
            patterns,
            &["name like 'a'", "name ilike 'a'", "name similar to 'a'", "name collate \"C\" = 'a'"],
            &["name = 'like'"],
        );
    }

    #[test]
    fn casts_are_written_out() {
        let bad =
            ["a::bigint = 1", "cast(a as numeric) = 1", "cast(a as uuid) = $1", "at > interval '1 day'"];
        judge(casts, &bad, &["cast($1 as bigint) = a", "cast($2 as text) is null"]);
    }

    #[test]
    fn literals_are_plain() {
        let bad = ["a = 1.5", "a = 1e3", "a = true", "(a > 1) is true", "a = e'x'", "a = x'ff'"];
        judge(literals, &bad, &["a = 1 and name = 'true' and b = $1 and c is not null"]);
    }

    #[test]
    fn there_are_no_arrays() {
        let bad = ["a = any($1)", "a = array[1]", "a[1] = 1"];
        judge(arrays, &bad, &["a in ($1, $2)", "(a, b) in (($1, $2))"]);
    }

    #[test]
    fn a_parameter_has_a_type_before_it_is_asked_for_null() {
        judge(
            typed_parameters,
            &["($1 is null or name = $1)", "a = 1 and $2 is not null"],
            &["(name = $1 or $1 is null)", "cast($1 as text) is null", "name is null"],
        );
    }

    #[test]
    fn sums_are_cast() {
        assert_eq!(in_store(sums, "select sum(a) from fish").len(), 1);
        assert_eq!(in_store(sums, "select cast(sum(a) as bigint), sum(b) from fish").len(), 1);
        assert_eq!(in_store(sums, "select coalesce(cast(sum(a) as bigint), 0) from fish"), [""; 0]);
    }

    #[test]
    fn odd_expressions_are_worked_out_in_rust() {
        let bad =
            ["substring(name from 1) = 'a'", "trim(name) = 'a'", "extract(year from at) = 1", "floor(a) = 1"];
        judge(others, &bad, &["case when a = 1 then 2 else 3 end = 2", "exists (select 1 from fish)"]);
    }
}
