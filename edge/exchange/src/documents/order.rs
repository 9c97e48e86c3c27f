use shoal_contract::orders::{Discount, ImportOrders, OrderStatus, PastLine, PastOrder};
use shoal_contract::users::Imported;
use shoal_types::Context;

use super::{
    Desk, Document, Spoiled, Stop, address, first, missing_section, needed, pick, pick_text, text_of, word,
};
use crate::Kind;
use crate::cells::{Row, Sheet};
use crate::convert::{self, Bad};
use crate::group::Kept;
use crate::mapping::{LineRules, OrderRules};
use crate::summary::{Notes, Targets};

impl Document for PastOrder {
    const KIND: Kind = Kind::Orders;
    const IDENTITY: &'static str = "source and number";

    fn build(desk: &mut Desk<'_>, sheet: &Sheet, rows: &[Kept]) -> Result<(Self, Vec<u64>), Spoiled> {
        let rules = &desk.mapping.rules;
        let (Some(order), Some(line), [head, ..]) = (&rules.order, &rules.line, rows) else {
            return Err(missing_section());
        };
        let mut read = Head { rules: order, rows, sheet, notes: &mut desk.notes, line: head.line };
        let mut past = read.order()?;
        for kept in rows {
            let read = past_line(line, kept.row(sheet), &mut desk.notes).map_err(|bad| (kept.line, bad))?;
            past.lines.push(read);
        }
        Ok((past, rows.iter().map(|kept| kept.line).collect()))
    }

    fn identity(&self) -> String {
        format!("{} {}", self.source, self.number)
    }

    async fn write(
        targets: &Targets,
        cx: &Context,
        orders: Vec<Self>,
        dry_run: bool,
    ) -> Result<Vec<Imported>, Stop> {
        Ok(targets.orders.import_orders(cx, ImportOrders { orders, dry_run }).await?)
    }
}

/// What an order says once, whatever the number of its rows.
struct Head<'a> {
    rules: &'a OrderRules,
    rows: &'a [Kept],
    sheet: &'a Sheet,
    notes: &'a mut Notes,
    line: u64,
}

impl Head<'_> {
    fn order(&mut self) -> Result<PastOrder, Spoiled> {
        let Self { rules, rows, sheet, line, .. } = *self;
        let blame = |bad: Bad| (line, bad);
        let mut text = |rule: &Option<_>| pick_text(rule.as_ref(), rows, sheet, self.notes);
        let source = text(&rules.source)?;
        let number = text(&rules.number)?;
        let status = text(&rules.status)?;
        let (email, note, tracking) = (text(&rules.email)?, text(&rules.note)?, text(&rules.tracking)?);
        let known = "placed, paid, partly_fulfilled, fulfilled, cancelled, returned";
        let status = word(rules.status.as_ref(), status, OrderStatus::parse, known).map_err(blame)?;
        let placed_at = match &rules.placed_at {
            Some(rule) => pick(rule, rows, sheet, self.notes, |rule, row, _| convert::time(rule, row))?,
            None => None,
        };
        let shipping = match &rules.shipping {
            Some(rule) => first(rows, sheet, |row| convert::money(rule, row, self.notes))?,
            None => None,
        };
        Ok(PastOrder {
            source: needed(source, rules.source.as_ref(), "source").map_err(blame)?,
            number: needed(number, rules.number.as_ref(), "number").map_err(blame)?,
            status: status.unwrap_or(OrderStatus::Fulfilled),
            email,
            placed_at: needed(placed_at, rules.placed_at.as_ref(), "time").map_err(blame)?,
            lines: Vec::with_capacity(rows.len()),
            shipping,
            shipping_address: self.shipping_address()?,
            note,
            tracking,
        })
    }

    fn shipping_address(&self) -> Result<Option<shoal_contract::Address>, Spoiled> {
        if let Some(column) = &self.rules.json.shipping_address {
            return first(self.rows, self.sheet, |row| convert::json(column, row));
        }
        let Some(rules) = &self.rules.shipping_address else { return Ok(None) };
        first(self.rows, self.sheet, |row| {
            let found = address(rules, row, "")?;
            match found {
                Some(found) if found.name.is_empty() => {
                    needed(None, rules.name.as_ref(), "name of the address")
                }
                found => Ok(found),
            }
        })
    }
}

fn past_line(rules: &LineRules, row: Row<'_>, notes: &mut Notes) -> Result<PastLine, Bad> {
    let sku = needed(text_of(rules.sku.as_ref(), row)?, rules.sku.as_ref(), "SKU")?;
    let quantity = match &rules.quantity {
        Some(rule) => convert::whole(rule, row, notes)?,
        None => None,
    };
    let subtotal = match &rules.subtotal {
        Some(rule) => convert::money(rule, row, notes)?,
        None => None,
    };
    let unit_price = match &rules.unit_price {
        Some(rule) => convert::money(rule, row, notes)?,
        None => None,
    };
    Ok(PastLine {
        title: text_of(rules.title.as_ref(), row)?.unwrap_or_else(|| sku.clone()),
        quantity: needed(quantity, rules.quantity.as_ref(), "quantity")?,
        unit_price,
        subtotal: needed(subtotal, rules.subtotal.as_ref(), "amount of the line")?,
        discounts: discounts(rules, row, notes)?,
        sku,
    })
}

fn discounts(rules: &LineRules, row: Row<'_>, notes: &mut Notes) -> Result<Vec<Discount>, Bad> {
    let mut discounts: Vec<Discount> = match &rules.json.discounts {
        Some(column) => convert::json(column, row)?.unwrap_or_default(),
        None => Vec::new(),
    };
    for rule in &rules.discounts {
        let Some(amount) = convert::money(&rule.amount, row, notes)?.filter(|amount| amount.amount != 0)
        else {
            continue;
        };
        let kind = needed(text_of(Some(&rule.kind), row)?, Some(&rule.kind), "kind of the discount")?;
        discounts.push(Discount { kind, amount });
    }
    Ok(discounts)
}
