"""The report: tables, figures and one HTML page that holds them."""
