use shoal_contract::check;
use shoal_contract::events::OrderReturned;
use shoal_contract::orders::{RecordReturn, Return};
use shoal_sql::Tx;
use shoal_types::Context;

use super::purchase::find;
use crate::error::Error;
use crate::events::{Happening, because, pieces, returned};
use crate::house::{Inner, require_system};
use crate::model::lifecycle::take_back;
use crate::model::returns::{Plan, plan};
use crate::store::{events, orders, parts};

impl Inner {
    pub(super) async fn record_return(&self, cx: &Context, request: RecordReturn) -> Result<Return, Error> {
        require_system(cx)?;
        check(&request.body)?;
        let (event, now) = (self.env.id(), self.env.now());
        let body = async move |tx: &mut Tx| {
            let mut order = find(tx, request.order).await?;
            if let Some(earlier) = order.returns.iter().find(|earlier| earlier.id == request.id) {
                return Ok(earlier.clone());
            }
            let Plan { lines, values, refund } = plan(&order, &request.body.lines)?;
            take_back(&mut order, &lines);
            if !orders::change(tx, &mut order, now).await? {
                return Err(Error::Raced);
            }
            let goods = Return {
                id: request.id,
                lines,
                reason: request.body.reason.clone(),
                restock: request.body.restock,
                refund,
                // Where nothing is owed there is nothing to wait for.
                refunded: refund.amount == 0,
                at: now,
            };
            parts::count_returned(tx, order.id, &goods.lines).await?;
            parts::insert_return(tx, order.id, &goods).await?;
            let count = pieces(goods.lines.iter().map(|entry| entry.quantity).sum());
            let message = because(&format!("{count} came back"), goods.reason.as_deref());
            let happening = Happening::new(&order, message, |facts| OrderReturned {
                order: facts,
                id: Some(goods.id),
                lines: returned(&order, &goods.lines, &values),
                refund: Some(goods.refund),
                restock: goods.restock,
            });
            events::append(tx, &[events::row(&happening, event, false)]).await?;
            Ok(goods)
        };
        self.transact(cx, body).await
    }
}
