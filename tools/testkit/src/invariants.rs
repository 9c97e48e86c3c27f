//! What must hold of the data of a shop at rest. Each is a statement that lists what breaks it.
//!
//! Ids are shown as hexadecimal digits. A saga that waits for its buyer counts as at rest, with what it holds.

/// Something that must hold.
pub(crate) struct Invariant {
    /// What does, said as what is wrong when it does not.
    pub(crate) fact: &'static str,
    /// Lists the offenders, a text each.
    pub(crate) offenders: &'static str,
}

/// What figures of sales are made of. They follow the orders, so they are held against them where every event was carried
/// and every order is counted; in universal time, and of orders placed here.
macro_rules! recounted {
    () => {
        "idle as (
              select 1
              where not exists (select 1 from orders.order_events where published = 0)
                and exists (select 1 from orders.jobs where name = 'recount_sales'
                  and state like '%\"zone\":\"UTC\"%' and state like '%\"done\":true%')
                and not exists (select 1 from orders.orders where source <> 'web')),
            sold as (
              select o.order_id, o.currency, o.paid, o.document,
                (select min(e.at) / 86400000000 from orders.order_events e
                  where e.order_id = o.order_id and e.kind = 'order.paid') as day,
                (select min(e.at) / 86400000000 from orders.order_events e
                  where e.order_id = o.order_id and e.kind = 'order.cancelled') as cancelled
              from orders.orders o),
            lines as (
              select day, cancelled, currency, json_extract(line.value, '$.sku') as sku,
                json_extract(line.value, '$.quantity') as quantity,
                json_extract(line.value, '$.total')
                  + case when coalesce(json_extract(line.value, '$.tax_included'), 0) then 0
                    else coalesce(json_extract(line.value, '$.tax'), 0) end as cost
              from sold, json_each(sold.document, '$.lines') line)"
    };
}

pub(crate) const INVARIANTS: &[Invariant] = &[
    Invariant {
        fact: "pieces on hand are not what the ledger sums up to",
        offenders: "
            select sku || ' has ' || on_hand || ', ledger ' || ledger from (
              select s.sku, s.on_hand,
                coalesce((select sum(m.on_hand_change) from products.movements m
                  where m.variant_id = s.variant_id), 0)
                - coalesce((select sum(h.quantity) from products.holds h
                  where h.variant_id = s.variant_id and h.state = 'confirmed'), 0) as ledger
              from products.stock s)
            where on_hand <> ledger",
    },
    Invariant {
        fact: "pieces reserved are not what open holds sum up to",
        offenders: "
            select sku || ' has ' || reserved || ', holds ' || held from (
              select s.sku, s.reserved,
                coalesce((select sum(h.quantity) from products.holds h
                  where h.variant_id = s.variant_id and h.state = 'held'), 0) as held
              from products.stock s)
            where reserved <> held",
    },
    Invariant {
        fact: "stock is below zero",
        offenders: "
            select sku from products.stock where on_hand < reserved or reserved < 0",
    },
    Invariant {
        fact: "a hold is open though its checkout has ended",
        offenders: "
            select distinct hex(h.reservation_id) from products.holds h
            where h.state = 'held' and not exists (
              select 1 from checkout.sagas s where s.saga_id = h.reservation_id and s.done = 0)",
    },
    Invariant {
        fact: "stock was sold without an order, though its checkout has not failed",
        offenders: "
            select distinct hex(h.reservation_id) from products.holds h
            where h.state = 'confirmed'
              and not exists (select 1 from orders.orders o where o.order_id = h.reservation_id)
              and not exists (select 1 from checkout.sagas s
                where s.saga_id = h.reservation_id and s.done = 1 and s.stage <> '\"completed\"')",
    },
    Invariant {
        fact: "an order took other pieces from the shelf than it says",
        offenders: "
            select number || ' says ' || said || ', took ' || took from (
              select o.number,
                coalesce((select sum(l.quantity) from orders.order_lines l where l.order_id = o.order_id), 0) as said,
                coalesce((select sum(h.quantity) from products.holds h
                  where h.reservation_id = o.order_id and h.state = 'confirmed'), 0) as took
              from orders.orders o where o.source = 'web' and o.status <> 'cancelled')
            where said <> took",
    },
    Invariant {
        fact: "pieces of failed and cancelled orders and of returns are not what was booked back in",
        offenders: "
            select 'owed ' || owed || ', booked ' || booked from (
              select
                coalesce((select sum(h.quantity) from products.holds h left join orders.orders o
                  on o.order_id = h.reservation_id
                  where h.state = 'confirmed' and coalesce(o.status, 'cancelled') = 'cancelled'), 0)
                + coalesce((select sum(json_extract(line.value, '$.quantity'))
                  from orders.returns r, json_each(r.lines) line where r.restock = 1), 0) as owed,
                coalesce((select sum(m.on_hand_change) from products.movements m
                  where m.kind = 'restock'), 0) as booked)
            where owed <> booked",
    },
    Invariant {
        fact: "an order waits for its money though its checkout has ended",
        offenders: "
            select o.number from orders.orders o where o.status = 'placed' and not exists (
              select 1 from checkout.sagas s where s.saga_id = o.order_id and s.done = 0)",
    },
    Invariant {
        fact: "an order is not covered by one captured payment of its total",
        offenders: "
            select o.number || ' comes to ' || o.total || ', paid ' || o.paid || ', at the provider '
              || coalesce(p.status || ' ' || p.amount, 'nothing')
            from orders.orders o left join temp.payments p on p.order_id = o.order_id
            where o.source = 'web' and o.status not in ('cancelled', 'placed') and o.total > 0
              and (p.status is not 'captured' or p.amount <> o.total or o.paid <> o.total)",
    },
    Invariant {
        fact: "order and provider disagree about what went back",
        offenders: "
            select o.number || ' says ' || o.refunded || ', the provider ' || p.refunded
            from orders.orders o join temp.payments p on p.order_id = o.order_id
            where p.status = 'captured' and p.refunded <> o.refunded",
    },
    Invariant {
        fact: "refunds do not sum up to what the order says went back",
        offenders: "
            select number || ' says ' || refunded || ', refunds ' || sent from (
              select o.number, o.refunded, coalesce((select sum(r.amount) from orders.refunds r
                where r.order_id = o.order_id), 0) as sent
              from orders.orders o where o.source = 'web')
            where refunded <> sent",
    },
    Invariant {
        fact: "money of a cancelled order was kept",
        offenders: "
            select o.number || ' ' || p.status || ' ' || p.amount
            from orders.orders o join temp.payments p on p.order_id = o.order_id
            where o.status = 'cancelled'
              and (p.status in ('authorised', 'pending') or (p.status = 'captured' and p.refunded <> p.amount))",
    },
    Invariant {
        fact: "money was taken without an order",
        offenders: "
            select hex(p.order_id) || ' ' || p.amount from temp.payments p
            where p.status = 'captured' and not exists (
              select 1 from orders.orders o where o.order_id = p.order_id)",
    },
    Invariant {
        fact: "money is held though the checkout has ended",
        offenders: "
            select hex(p.order_id) || ' ' || p.status from temp.payments p
            where p.status in ('authorised', 'pending') and not exists (
              select 1 from checkout.sagas s where s.saga_id = p.order_id and s.done = 0)",
    },
    Invariant {
        fact: "a checkout ended as completed without an order, or failed with one",
        offenders: "
            select hex(s.saga_id) || ' ' || s.stage || ', order ' || coalesce(o.status, 'none')
            from checkout.sagas s left join orders.orders o on o.order_id = s.saga_id
            where s.kind = 'purchase' and s.done = 1
              and (case when s.stage = '\"completed\"' then o.order_id is null
                else o.order_id is not null and o.status <> 'cancelled' end)",
    },
    Invariant {
        fact: "a cart is frozen though its checkout has ended",
        offenders: "
            select hex(c.cart_id) from orders.carts c where c.status = 'paying' and not exists (
              select 1 from checkout.sagas s where s.saga_id = c.checkout_id and s.done = 0)",
    },
    Invariant {
        fact: "a cart is ordered without an order",
        offenders: "
            select hex(c.cart_id) from orders.carts c where c.status = 'ordered' and not exists (
              select 1 from orders.orders o where o.order_id = c.checkout_id)",
    },
    Invariant {
        fact: "a cart became more than one order",
        offenders: "
            select cart from (
              select json_extract(o.document, '$.cart') as cart from orders.orders o where o.source = 'web')
            where cart is not null group by cart
            having count(*) - (select count(*) from orders.orders o
              where o.status = 'cancelled' and json_extract(o.document, '$.cart') = cart) > 1",
    },
    Invariant {
        fact: "an order's history has gaps, or was not placed once",
        offenders: "
            select number || ' at version ' || version || ' has ' || events || ' events, placed ' || placed from (
              select o.number, o.version,
                (select count(*) from orders.order_events e where e.order_id = o.order_id) as events,
                (select count(*) from orders.order_events e
                  where e.order_id = o.order_id and e.kind = 'order.placed') as placed
              from orders.orders o where o.source = 'web')
            where events <> version or placed <> 1",
    },
    Invariant {
        fact: "figures of sales are not those of the orders that were paid",
        offenders: concat!(
            "with ", recounted!(), "
            select sku || ' on ' || date(day * 86400, 'unixepoch') || ': pieces off by ' || sum(units)
              || ', money by ' || sum(gross) from (
                select sku, day, currency, quantity as units, cost as gross from lines where day is not null
                union all
                select sku, day, currency, -units, -gross from orders.sales where sku <> '')
            where exists (select 1 from idle)
            group by sku, day, currency having sum(units) <> 0 or sum(gross) <> 0"
        ),
    },
    Invariant {
        fact: "figures of sales are not the money that came and went back",
        offenders: concat!(
            "with ", recounted!(), "
            select date(day * 86400, 'unixepoch') || ': came off by ' || sum(gross) || ', went back by ' || sum(refunded) from (
                select day, currency, paid as gross, 0 as refunded from sold where day is not null
                union all
                select r.at / 86400000000, s.currency, 0, r.amount
                  from orders.refunds r join sold s on s.order_id = r.order_id
                union all
                select day, currency, -gross, -refunded from orders.sales)
            where exists (select 1 from idle)
            group by day, currency having sum(gross) <> 0 or sum(refunded) <> 0"
        ),
    },
    Invariant {
        fact: "figures of sales are not the pieces that came back",
        offenders: concat!(
            "with ", recounted!(), "
            select sku || ' on ' || date(day * 86400, 'unixepoch') || ': pieces off by ' || sum(units) from (
                select sku, cancelled as day, quantity as units from lines where day is not null and cancelled is not null
                union all
                select json_extract(s.document, '$.lines[' || (json_extract(line.value, '$.line') - 1) || '].sku'),
                  r.at / 86400000000, json_extract(line.value, '$.quantity')
                  from orders.returns r join sold s on s.order_id = r.order_id, json_each(r.lines) line
                union all
                select sku, day, -units_back from orders.sales where sku <> '')
            where exists (select 1 from idle)
            group by sku, day having sum(units) <> 0"
        ),
    },
];
