-- Run once by Postgres, in a new volume: one database for each that keeps state there.
CREATE DATABASE ledger;
CREATE DATABASE dagster;
CREATE DATABASE mlflow;
