module antares-bench-river

go 1.26
