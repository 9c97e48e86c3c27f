-- Ends the saga. Answers no row if another owner has taken it over.
update sagas
set
  stage = d.column4,
  done = 1,
  updated_at = d.column5
from (values {rows:uuid,bigint,bigint,text,bigint}) as d
where sagas.claim_id = d.column1 and sagas.attempt = d.column2 and sagas.epoch = d.column3 and sagas.done = 0
returning sagas.claim_id
