use shoal_contract::check;
use shoal_contract::events::OrderFulfilled;
use shoal_contract::orders::{Fulfil, Fulfilment, Order};
use shoal_sql::Tx;
use shoal_types::{Context, Role};

use super::purchase::find;
use crate::error::Error;
use crate::events::{Happening, moved, pieces};
use crate::house::Inner;
use crate::model::lifecycle::{parcel, send};
use crate::store::{events, orders, parts};

impl Inner {
    pub(super) async fn fulfil(&self, cx: &Context, request: Fulfil) -> Result<Order, Error> {
        cx.caller.require(Role::Staff)?;
        check(&request.body)?;
        let (id, event, now) = (self.env.id(), self.env.id(), self.env.now());
        let body = async move |tx: &mut Tx| {
            let mut order = find(tx, request.order).await?;
            let asked = request.body.clone();
            let lines = parcel(&order, &asked.lines)?;
            let sent = Fulfilment { id, lines, carrier: asked.carrier, tracking: asked.tracking, at: now };
            send(&mut order, &sent.lines);
            if !orders::change(tx, &mut order, now).await? {
                return Err(Error::Raced);
            }
            parts::count_fulfilled(tx, order.id, &sent.lines).await?;
            parts::insert_fulfilments(tx, &[parts::fulfilment_row(order.id, &sent)?]).await?;
            let happening = Happening::new(&order, told(&sent), |facts| OrderFulfilled {
                order: facts,
                fulfilment: Some(sent.id),
                carrier: sent.carrier.clone(),
                lines: moved(&order, &sent.lines),
            });
            events::append(tx, &[events::row(&happening, event, false)]).await?;
            order.fulfilments.push(sent);
            Ok(order)
        };
        self.command(cx, "fulfil", body).await
    }
}

/// `2 pieces were sent with Swift, tracking SW-1`.
fn told(sent: &Fulfilment) -> String {
    let mut message = pieces(sent.lines.iter().map(|entry| entry.quantity).sum());
    message.push_str(" sent");
    if let Some(carrier) = &sent.carrier {
        message.push_str(" with ");
        message.push_str(carrier);
    }
    if let Some(tracking) = &sent.tracking {
        message.push_str(", tracking ");
        message.push_str(tracking);
    }
    message
}
