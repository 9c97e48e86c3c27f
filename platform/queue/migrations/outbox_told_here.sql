-- Events told to those in this process, and not yet to the queue.
create index outbox_told_here on outbox (aggregate, sequence) where published = 2;
