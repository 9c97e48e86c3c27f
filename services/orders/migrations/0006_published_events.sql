-- The relay fills a queue that has lost its disk with what was published of late, and operators follow what is said.
create index order_events_published on order_events (at) where published = 1;
