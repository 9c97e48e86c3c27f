use shoal_contract::check;
use shoal_contract::events::{OrderNoted, kinds};
use shoal_contract::orders::{AddNote, Error as Told, ListOrders, Order, OrderId, OrderRef, TimelineEntry};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Caller, Context, Cursor, Fault, Page, Role, Secret, Timestamp};

use super::access::may_see_order;
use super::purchase::find;
use crate::error::Error;
use crate::events::Happening;
use crate::house::Inner;
use crate::store::events;
use crate::store::orders::{self, Filter, OrderRow};

impl Inner {
    pub(super) async fn get_order(&self, cx: &Context, request: OrderRef) -> Result<Order, Error> {
        let caller = cx.caller;
        self.db
            .read(cx, async move |tx| {
                let row = seen(tx, &caller, request.order, request.token.as_ref()).await?;
                Ok(orders::whole(tx, row).await?)
            })
            .await
    }

    pub(super) async fn list_orders(&self, cx: &Context, request: ListOrders) -> Result<Page<Order>, Error> {
        let limit = request.page.limit;
        let filter = filter(&cx.caller, request)?;
        let orders = self.db.read(cx, async move |tx| orders::list(tx, &filter).await).await?;
        Ok(Page::cut(orders, limit, |order| {
            Cursor::after(&[&order.placed_at.as_micros().to_string(), &order.id.to_string()])
        }))
    }

    pub(super) async fn list_timeline(
        &self,
        cx: &Context,
        request: OrderRef,
    ) -> Result<Vec<TimelineEntry>, Error> {
        let caller = cx.caller;
        let mut entries = self
            .db
            .read(cx, async move |tx| {
                seen(tx, &caller, request.order, request.token.as_ref()).await?;
                Ok::<_, Error>(events::list(tx, request.order).await?)
            })
            .await?;
        if !caller.has(Role::Staff) {
            entries.retain(|entry| entry.kind != kinds::ORDER_NOTED);
        }
        Ok(entries)
    }

    pub(super) async fn add_note(&self, cx: &Context, request: AddNote) -> Result<TimelineEntry, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request.body)?;
        let (now, event) = (self.env.now(), self.env.id());
        let body = async move |tx: &mut Tx| {
            let mut order = find(tx, request.order).await?;
            if !orders::change(tx, &mut order, now).await? {
                return Err(Error::Raced);
            }
            let happening =
                Happening::new(&order, request.body.message.clone(), |order| OrderNoted { order });
            events::append(tx, &[events::row(&happening, event, false)]).await?;
            Ok(happening.entry())
        };
        self.command(cx, "add_note", body).await
    }
}

/// The row of an order that the caller may see.
async fn seen(
    tx: &mut ReadTx,
    caller: &Caller,
    order: OrderId,
    token: Option<&Secret>,
) -> Result<OrderRow, Error> {
    let row = orders::find_row(tx, order).await?.ok_or(Told::UnknownOrder {})?;
    may_see_order(caller, &row, token)?;
    Ok(row)
}

/// What a caller may list of what they ask for: customers their own, staff all.
fn filter(caller: &Caller, request: ListOrders) -> Result<Filter, Fault> {
    let customer = match caller {
        Caller::Anonymous => return Err(Fault::Unauthenticated {}),
        caller if caller.has(Role::Staff) => request.customer,
        caller => caller.user(),
    };
    Ok(Filter {
        customer,
        status: request.status,
        source: request.source,
        number: request.number,
        placed_from: request.placed_from.unwrap_or(Timestamp::from_micros(i64::MIN)),
        placed_until: request.placed_until.unwrap_or(Timestamp::from_micros(i64::MAX)),
        before: before(request.page.cursor.as_ref())?,
        limit: request.page.limit.probe(),
    })
}

/// The key a page starts after; beyond all keys for the first page.
fn before(cursor: Option<&Cursor>) -> Result<(Timestamp, OrderId), Fault> {
    let Some(cursor) = cursor else {
        return Ok((Timestamp::from_micros(i64::MAX), OrderId::from_digest([u8::MAX; 16])));
    };
    let [at, id] = cursor.keys::<2>()?;
    let strange = || Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page");
    let at: i64 = at.parse().map_err(|_| strange())?;
    Ok((Timestamp::from_micros(at), id.parse().map_err(|_| strange())?))
}
