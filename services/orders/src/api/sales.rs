//! What was sold, and what came back: figures that follow the orders.

use std::sync::Arc;

use shoal_contract::orders::{
    Day, ListSales, OrderId, RecountSales, SALES_DAYS_MAX, Sales, SalesGroup, SalesRecount,
};
use shoal_sql::Tx;
use shoal_types::{Context, Cursor, Fault, Page, Role};

use crate::error::Error;
use crate::house::Inner;
use crate::model::sales::figures;
use crate::store::sales::{self, After, Count, Filter};

/// The days before the last one that are shown if nobody says from when on.
const DAYS_BEFORE: i64 = 29;

impl Inner {
    pub(super) async fn list_sales(&self, cx: &Context, request: ListSales) -> Result<Page<Sales>, Error> {
        cx.caller.require(Role::Staff)?;
        let limit = request.page.limit;
        let group = request.group;
        let filter = self.filter(request)?;
        let page = self.db.read(cx, async move |tx| sales::list(tx, &filter).await).await?;
        Ok(Page::cut(page, limit, |last| cursor(group, last)))
    }

    fn filter(&self, request: ListSales) -> Result<Filter, Fault> {
        let to = request.to.unwrap_or_else(|| self.options.zone.day(self.env.now()));
        let from = request.from.unwrap_or_else(|| to.plus(-DAYS_BEFORE));
        if !(1..=SALES_DAYS_MAX).contains(&(to.number() - from.number() + 1)) {
            let message = format!("expected a day from {from} on, at most {SALES_DAYS_MAX} days in all");
            return Err(Fault::invalid("to", "range", message));
        }
        let ListSales { page, product, group, .. } = request;
        Ok(Filter {
            group,
            from,
            to,
            product,
            after: after(page.cursor.as_ref())?,
            limit: page.limit.probe(),
        })
    }

    pub(super) async fn recount_sales(&self, cx: &Context, _: RecountSales) -> Result<SalesRecount, Error> {
        cx.caller.require(Role::Staff)?;
        self.begin_recount(cx).await?;
        Ok(SalesRecount { done: false })
    }

    /// Brings the figures to what these orders are at present. Whoever asks, and however often, each change of an order
    /// is added once: two that count one order at the same time follow one another.
    pub(crate) async fn count(&self, cx: &Context, orders: Vec<OrderId>) -> Result<(), Error> {
        let orders = Arc::new(orders);
        loop {
            match self.count_once(cx, Arc::clone(&orders)).await {
                Err(Error::Raced) => cx.deadline.check(&self.env)?,
                result => return result,
            }
        }
    }

    async fn count_once(&self, cx: &Context, orders: Arc<Vec<OrderId>>) -> Result<(), Error> {
        // One snapshot: what an order is, and what it has added so far.
        let (sold, mut counted) = self
            .db
            .read(cx, async move |tx| {
                let sold = sales::find_sold(tx, &orders).await?;
                Ok::<_, shoal_sql::Error>((sold, sales::find_counted(tx, &orders).await?))
            })
            .await?;
        let mut count = Count::default();
        for sold in &sold {
            let now = figures(&sold.order, &sold.history, &self.options.zone);
            count.add(&sold.order, &now, &mut counted)?;
        }
        if count.is_empty() {
            return Ok(());
        }
        self.db
            .write(cx, async move |tx: &mut Tx| match sales::write(tx, &count).await? {
                true => Ok(()),
                false => Err(Error::Raced),
            })
            .await
    }
}

/// The key of the last sums of a page, in the words of every group.
fn cursor(group: SalesGroup, last: &Sales) -> Cursor {
    let day = last.day.map(|day| day.to_string()).unwrap_or_default();
    let product = last.product.map(|product| product.to_string()).unwrap_or_default();
    let sku = match group {
        SalesGroup::Sku => last.sku.as_deref().unwrap_or_default(),
        _ => "",
    };
    Cursor::after(&[&day, &product, sku, last.gross.currency.code()])
}

/// What a page starts after; before everything for the first page.
fn after(cursor: Option<&Cursor>) -> Result<After, Fault> {
    let Some(cursor) = cursor else {
        return Ok(After { day: None, product: None, sku: String::new(), currency: String::new() });
    };
    let [day, product, sku, currency] = cursor.keys::<4>()?;
    let strange = || Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page");
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let day: Option<Day> = some(&day).map(|day| day.parse()).transpose().map_err(|_| strange())?;
    let product = some(&product).map(|product| product.parse()).transpose().map_err(|_| strange())?;
    Ok(After { day, product, sku, currency })
}
