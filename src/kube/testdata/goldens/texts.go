package main

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

func quantities() []object {
	var out []object
	for _, text := range []string{
		"1Gi", "512Mi", "1000000", "1500m", "1.5Gi", "0", "00", "0Gi", "1", "2", "-1", "+5", "0.5", "1.5",
		"1.500", "012", "100", "1000", "10000", "1500", "8Gi", "1025Mi", "1024Mi", "1024", "1024Ki", "0.5Ki", "0.5Mi",
		"1.1Ki", "0.0001Ki", "-1Gi", "-0.5Gi", "100m", "0.1m", "0.1n", "1n", "1u", "999u", "1e3", "1E3", "1E", "10E", "1e+3", "1e-3",
		"1.5e3", "1.5e-3", "12e6", "1e0", "1e18", "9223372036854775807", "9223372036854775808", "1234567890123456789",
		"8Ei", "7Ei", "100Ei", "-100Ei", "123456Ti", ".5", "5.", ".", "-", "+", "m", "Ki", "0.000000001", "0.0000000001", "-0.0000000001",
		"3.0e2", "1000k", "1000000k", "2000000000", "1k", "1M", "1T", "1P", "123456789012345678", "12345678901234567890",
		"1.000000000000000000001", "1.5Ki", "1.25Gi", "999999999Gi", "6Gi", "18Gi", "9Gi", "1023Ki", "2048Mi", "300Mi", "4.000Gi", "0.25", "250m",
		"", "x", "1 Gi", "1KI", "1Kii", "1.2.3", "1e", "1ki", "1g", "e3", "--1", "1e3.5", "1i", "0x10", "1Gi ", "1,5", "1e1e1", "1mm", "1Ki5",
	} {
		row := object{"text": text}
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			row["error"] = err.Error()
		} else {
			row["go"] = fmt.Sprintf("%v", quantity)
			if strings.Contains(row["go"].(string), "0x") {
				delete(row, "go") // an address
			}
			row["format"] = string(quantity.Format)
			if quantity.CmpInt64(1<<62) < 0 && quantity.Sign() >= 0 {
				row["value"] = quantity.Value()
			}
			if quantity.CmpInt64(1<<50) < 0 && quantity.Sign() >= 0 {
				row["milli"] = quantity.MilliValue()
			}
			row["string"] = quantity.String()
		}
		out = append(out, row)
	}
	return out
}

var labelSets = []labels.Set{
	{}, {"a": ""}, {"a": "1"}, {"a": "2", "b": "x"}, {"b": "x"}, {"a": "in", "notin": "y"}, {"example.com/k": "10"}, {"a": "x1"},
}

func labelSelectors() []object {
	var out []object
	for _, text := range []string{
		"", " ", "a", "!a", "a=1", "a==1", "a!=1", "a = 1", "a in (1,2)", "a notin (1,2)", "a in ()", "a in (,)", "a in (,,1)", "a in (1,)",
		"a in (2,1,1)", "b,a", "b=x,a", "b in (x) , !a", "a=in", "in=a", "notin", "a in (in,notin)", "a>0", "a<2", "a>-1", "a > +1",
		"example.com/k>9", "example.com/k", "a=", "a=,b", "a==", "a!=", "a,a", "a in (1),a!=2", "a=1,a=2", "\ta\n",
		"a=x1", "!example.com/k,b", "a in(1)", "a notin(1)", "a,", ",a", "a b", "a=1 b", "=", "!", "!!a", "a!", "a in", "a in 1", "a in (", "a in (1", "a in (1,", "a in (1 2)",
		"a in (1=2)", "a in (=)", "a=(1)", "a=!b", "(a)", "a)", "a>x", "a>", "a<1.5", "/a", "a/", "a/b/c", "-a", "a=-1", "a=" + strings.Repeat("x", 63), "a=" + strings.Repeat("x", 64),
		strings.Repeat("x", 64), "Ä", "a=ä", "a in (-1,_)", "A_B/c", "a>x,b", "a in (1,(", "a===1", "a=!=1", "a<>1", "a in (1,,2)", "a in (,2,,)",
	} {
		row := object{"text": text}
		selector, err := labels.Parse(text)
		if err != nil {
			row["error"] = err.Error()
		} else {
			row["string"] = selector.String()
			matches := []bool{}
			for _, set := range labelSets {
				matches = append(matches, selector.Matches(set))
			}
			row["matches"] = matches
		}
		out = append(out, row)
	}
	return out
}

var fieldSets = []fields.Set{
	{}, {"metadata.name": "x"}, {"metadata.name": "y", "status.phase": "Running"}, {"spec.x": "a,b=c\\d"}, {"status.phase": ""},
}

func fieldSelectors() []object {
	var out []object
	for _, text := range []string{
		"", ",", "metadata.name=x", "metadata.name==x", "metadata.name!=x", "status.phase!=Running,metadata.name=y", "metadata.name=", "metadata.name!=",
		`spec.x=a\,b\=c\\d`, `spec.x!=a\,b\=c\\d`, "=", "=x", "status.phase=", "metadata.name=x,metadata.name=y",
		"metadata.name", "metadata.name=x,y", "a=b=c", `a=\x`, `a=\`, `a=\ä`, "!=", "a!b", "a,=b", "a==b=c", " a = b ", "a!=b!=c",
	} {
		row := object{"text": text}
		selector, err := fields.ParseSelector(text)
		if err != nil {
			row["error"] = err.Error()
		} else {
			row["string"] = selector.String()
			matches := []bool{}
			for _, set := range fieldSets {
				matches = append(matches, selector.Matches(set))
			}
			row["matches"] = matches
		}
		out = append(out, row)
	}
	return out
}

func names() []object {
	var out []object
	for _, text := range []string{
		"", "a", "a-b", "a.b", "a..b", ".a", "a.", "-a", "a-", "A", "a_b", "0", "0a", "a0", "ä", "a b", "a/b", "a/", "/a", "a/b/c", "x.y/Z_z.1", "X/y", "-/a",
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 253), strings.Repeat("a", 254), strings.Repeat("a.", 127), strings.Repeat("a", 64) + "/b",
		"a\n", "a.-b", "a.b-", "_", "a_", "a/" + strings.Repeat("b", 64),
	} {
		out = append(out, object{"text": text,
			"subdomain": validation.IsDNS1123Subdomain(text), "label": validation.IsDNS1123Label(text), "dns1035": validation.IsDNS1035Label(text),
			"qualified": validation.IsQualifiedName(text), "value": validation.IsValidLabelValue(text)})
	}
	return out
}

func quotes() []object {
	var out []object
	for _, text := range []string{"", "a", "ü", "\a\b\t\n\v\f\r\"\\'", "\x00\x1f\x7f", "\u00a0\u00ad\u200b\u2028\u3000\ufeff", "\U0001f600", "\U000e0001", "日本", "\u0301"} {
		out = append(out, object{"text": text, "quoted": strconv.Quote(text)})
	}
	return out
}
