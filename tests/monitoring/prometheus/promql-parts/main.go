// promql-parts reads a JSON array of queries from stdin and writes what each is made of, with
// Prometheus' own parser: metrics, the labels that select them, the labels that it groups or joins by.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

type parts struct {
	Error     string     `json:"error,omitempty"`
	Selectors []selector `json:"selectors"`
	// Labels of by, without, on, ignoring, group_left and group_right.
	Grouping []string `json:"grouping"`
}

type selector struct {
	// Metric is a name, or with Regex a pattern of names.
	Metric string   `json:"metric"`
	Regex  bool     `json:"regex"`
	Labels []string `json:"labels"`
	// Text is the selector alone, without its range.
	Text string `json:"text"`
}

func main() {
	var queries []string
	if err := json.NewDecoder(os.Stdin).Decode(&queries); err != nil {
		fmt.Fprintln(os.Stderr, "promql-parts:", err)
		os.Exit(1)
	}
	answers := make([]parts, len(queries))
	for i, query := range queries {
		answers[i] = partsOf(query)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, "promql-parts:", err)
		os.Exit(1)
	}
}

func partsOf(query string) parts {
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return parts{Error: err.Error()}
	}
	found := parts{Selectors: []selector{}, Grouping: []string{}}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			found.Selectors = append(found.Selectors, selectorOf(node))
		case *parser.AggregateExpr:
			found.Grouping = append(found.Grouping, node.Grouping...)
		case *parser.BinaryExpr:
			if node.VectorMatching != nil {
				found.Grouping = append(found.Grouping, node.VectorMatching.MatchingLabels...)
				found.Grouping = append(found.Grouping, node.VectorMatching.Include...)
			}
		}
		return nil
	})
	return found
}

func selectorOf(node *parser.VectorSelector) selector {
	found := selector{Labels: []string{}, Text: node.String()}
	for _, matcher := range node.LabelMatchers {
		if matcher.Name != labels.MetricName {
			found.Labels = append(found.Labels, matcher.Name)
			continue
		}
		found.Metric = matcher.Value
		found.Regex = matcher.Type == labels.MatchRegexp
	}
	return found
}
