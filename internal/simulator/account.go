package simulator

import (
	"net/http"
	"time"
)

// details answers what the account is.
func (s *Simulator) details(c *call) *answer {
	place, err := time.LoadLocation(s.portal.TimeZone)
	if err != nil {
		panic("simulator: " + err.Error()) // complete has tried it
	}
	_, offset := c.now.In(place).Zone()
	return jsonAnswer(http.StatusOK, struct {
		PortalID              int64    `json:"portalId"`
		AccountType           string   `json:"accountType"`
		TimeZone              string   `json:"timeZone"`
		CompanyCurrency       string   `json:"companyCurrency"`
		AdditionalCurrencies  []string `json:"additionalCurrencies"`
		UTCOffset             string   `json:"utcOffset"`
		UTCOffsetMilliseconds int      `json:"utcOffsetMilliseconds"`
		UIDomain              string   `json:"uiDomain"`
		DataHostingLocation   string   `json:"dataHostingLocation"`
	}{
		s.portal.PortalID, s.portal.AccountType, s.portal.TimeZone, s.portal.CompanyCurrency, []string{},
		c.now.In(place).Format("-07:00"), offset * 1000, uiDomain(s.portal.DataHostingLocation), s.portal.DataHostingLocation,
	})
}

func uiDomain(location string) string {
	if location == "na1" {
		return "app.hubspot.com"
	}
	return "app-" + location + ".hubspot.com"
}
