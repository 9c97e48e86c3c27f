//! The contract: one method, one use case. Each opens its own transaction.

mod catalogue;
mod categories;
mod import;
pub(crate) mod levels;
mod lists;
pub(crate) mod reserving;
mod search;
pub(crate) mod settling;
mod stock;
mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use shoal_contract::products::{
    AdjustStock, Category, CategoryRef, Error, ImportCategories, ImportProducts, Imported, ListCategories,
    ListMovements, ListProducts, LookUp, Movement, NewCategory, NewProduct, Offer, Product, ProductRef,
    ReplaceCategory, ReplaceProduct, Reservation, ReservationRef, Reserve, Restock, Search, SearchResults,
    Stock,
};
use shoal_types::{Context, Page};

use crate::Products;

#[async_trait]
impl shoal_contract::products::Products for Products {
    async fn create_product(&self, cx: &Context, new: NewProduct) -> Result<Arc<Product>, Error> {
        writing::create(&self.house, cx, new).await
    }

    async fn get_product(&self, cx: &Context, which: ProductRef) -> Result<Arc<Product>, Error> {
        catalogue::get(&self.house, cx, which).await
    }

    async fn list_products(&self, cx: &Context, asked: ListProducts) -> Result<Page<Arc<Product>>, Error> {
        lists::list(&self.house, cx, asked).await
    }

    async fn replace_product(&self, cx: &Context, request: ReplaceProduct) -> Result<Arc<Product>, Error> {
        writing::replace(&self.house, cx, request).await
    }

    async fn archive_product(&self, cx: &Context, which: ProductRef) -> Result<(), Error> {
        writing::archive(&self.house, cx, which).await
    }

    async fn search(&self, cx: &Context, search: Search) -> Result<SearchResults, Error> {
        search::search(&self.house, cx, search).await
    }

    async fn look_up(&self, cx: &Context, asked: LookUp) -> Result<Vec<Option<Arc<Offer>>>, Error> {
        catalogue::look_up(&self.house, cx, asked).await
    }

    async fn list_categories(&self, cx: &Context, _: ListCategories) -> Result<Vec<Category>, Error> {
        categories::list(&self.house, cx).await
    }

    async fn create_category(&self, cx: &Context, new: NewCategory) -> Result<Category, Error> {
        categories::create(&self.house, cx, new).await
    }

    async fn replace_category(&self, cx: &Context, request: ReplaceCategory) -> Result<Category, Error> {
        categories::replace(&self.house, cx, request).await
    }

    async fn remove_category(&self, cx: &Context, which: CategoryRef) -> Result<(), Error> {
        categories::remove(&self.house, cx, which).await
    }

    async fn get_stock(&self, cx: &Context, asked: LookUp) -> Result<Vec<Option<Stock>>, Error> {
        stock::get(&self.house, cx, asked).await
    }

    async fn list_movements(&self, cx: &Context, asked: ListMovements) -> Result<Page<Movement>, Error> {
        stock::list_movements(&self.house, cx, asked).await
    }

    async fn adjust_stock(&self, cx: &Context, request: AdjustStock) -> Result<Stock, Error> {
        stock::adjust(&self.house, cx, request).await
    }

    async fn reserve(&self, cx: &Context, request: Reserve) -> Result<Reservation, Error> {
        reserving::reserve(&self.house, cx, request).await
    }

    async fn confirm(&self, cx: &Context, which: ReservationRef) -> Result<Reservation, Error> {
        settling::confirm(&self.house, cx, which).await
    }

    async fn release(&self, cx: &Context, which: ReservationRef) -> Result<Reservation, Error> {
        settling::release(&self.house, cx, which).await
    }

    async fn restock(&self, cx: &Context, request: Restock) -> Result<(), Error> {
        stock::restock(&self.house, cx, request).await
    }

    async fn find_reservation(
        &self,
        cx: &Context,
        which: ReservationRef,
    ) -> Result<Option<Reservation>, Error> {
        stock::find(&self.house, cx, which).await
    }

    async fn import_products(&self, cx: &Context, request: ImportProducts) -> Result<Vec<Imported>, Error> {
        import::products(&self.house, cx, request).await
    }

    async fn import_categories(
        &self,
        cx: &Context,
        request: ImportCategories,
    ) -> Result<Vec<Imported>, Error> {
        categories::import(&self.house, cx, request).await
    }
}
