package main

import (
	"context"
	"errors"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	name        = "bench_peer_river_go"
	connections = 10
)

type tx = pgx.Tx

// The fresh database of this peer.
type database struct {
	admin *pgx.ConnConfig
	pool  *pgxpool.Pool
}

func createDatabase(ctx context.Context) (*database, error) {
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return nil, errors.New("DATABASE_URL is not set")
	}
	admin, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	d := &database{admin: admin}
	if err := d.administer(ctx, "drop database if exists "+name+" with (force)", "create database "+name); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Database = name
	config.MaxConns = connections
	d.pool, err = pgxpool.NewWithConfig(ctx, config)
	return d, err
}

func (d *database) administer(ctx context.Context, statements ...string) error {
	conn, err := pgx.ConnectConfig(ctx, d.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// All peers start from the same place: fresh statistics, nothing left to flush.
func (d *database) settle(ctx context.Context) error {
	if _, err := d.pool.Exec(ctx, "vacuum analyze"); err != nil {
		return err
	}
	_, err := d.pool.Exec(ctx, "checkpoint")
	return err
}

func (d *database) drop(ctx context.Context) {
	d.pool.Close()
	// The next run drops it first anyway.
	_ = d.administer(ctx, "drop database if exists "+name+" with (force)")
}
